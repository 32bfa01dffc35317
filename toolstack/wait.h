/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a domain to stop, to start again, or to be gone. */
#ifndef XK_TOOLSTACK_WAIT_H
#define XK_TOOLSTACK_WAIT_H

#include "toolstack/host_drivers.h"

enum xk_wait_for {
    XK_WAIT_STOPPED,   /* stopped by itself, rebooted, or gone */
    XK_WAIT_DESTROYED, /* gone */
    XK_WAIT_REBOOTED,  /* started again since the call of xk_domain_signal() */
    XK_WAIT_COUNT,
};

/* Wait for it. reason may be NULL; it is set if the domain stopped. */
int xk_domain_wait(struct xk_host *host, struct xk_domain *domain,
                   enum xk_wait_for what, enum xk_stop_reason *reason,
                   struct xk_deadline deadline, struct xk_error *err);

#endif
