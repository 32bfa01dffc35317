/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The open driver and its handles. */
#ifndef XK_TOOLSTACK_XEN_DRIVER_INTERNAL_H
#define XK_TOOLSTACK_XEN_DRIVER_INTERNAL_H

#include "toolstack/hypervisor.h"
#include "xenstore-helpers/store.h"

enum {
    XK_XEN_STORE_MS = 4000, /* after this xenstored is assumed to hang */
};

struct xencall_handle;
struct xk_xen_watcher;

struct xk_xen {
    struct xk_hypervisor base;
    struct xencall_handle *hypercall; /* NULL until first needed */
    struct xk_store *store;           /* NULL until first needed */
    struct xk_xen_watcher *watcher;   /* of watch.c, or NULL */
    bool store_hangs;                 /* opening the store timed out */
    bool waits; /* store watches for ends of domains, for xk_xen_wait() */
};

/* ---- handles.c ---- */

/* Returns the driver behind the seam's handle. */
struct xk_xen *xk_xen(struct xk_hypervisor *hv);

/* Open the handle unless it is open. XK_ERR_HOST says what to do. */
int xk_xen_need_hypercall(struct xk_xen *xen, struct xk_error *err);
int xk_xen_need_store(struct xk_xen *xen, struct xk_deadline deadline,
                      struct xk_error *err);

/* Returns the sooner of the deadline and XK_XEN_STORE_MS from now. */
struct xk_deadline xk_xen_store_deadline(struct xk_deadline deadline);

#endif
