/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seam: what the monitor needs. Every driver has this group. */
#ifndef XK_TOOLSTACK_SEAM_MONITOR_OPS_H
#define XK_TOOLSTACK_SEAM_MONITOR_OPS_H

#include "toolstack/hypervisor.h"

struct ev_loop;

typedef void xk_domain_changed(const struct xk_uuid *uuid, void *context);

struct xk_monitor_ops {
    /* Call changed() on the loop whenever the domain may have stopped or gone.
     * Called once for each domain. The driver calls changed() once soon after,
     * so that no earlier change is missed. unwatch() is called before the
     * domain is forgotten. */
    int (*watch)(struct xk_hypervisor *hv, struct ev_loop *loop,
                 const struct xk_uuid *uuid, xk_domain_changed *changed,
                 void *context, struct xk_error *err);
    void (*unwatch)(struct xk_hypervisor *hv, const struct xk_uuid *uuid);

    /* Keep the logs of guests within bounds; called every few seconds. NULL if
     * the driver keeps none. */
    void (*trim)(struct xk_hypervisor *hv, const struct xk_uuid *uuid);
};

/* xk_hv_X() calls the member X, whose contract it has. xk_hv_trim() is called
 * every few seconds and is not traced; neither is xk_hv_unwatch(), which cannot
 * fail. */
int xk_hv_watch(struct xk_hypervisor *hv, struct ev_loop *loop,
                const struct xk_uuid *uuid, xk_domain_changed *changed,
                void *context, struct xk_error *err);
void xk_hv_unwatch(struct xk_hypervisor *hv, const struct xk_uuid *uuid);
void xk_hv_trim(struct xk_hypervisor *hv, const struct xk_uuid *uuid);

#endif
