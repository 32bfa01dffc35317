/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Resolve a move whose outcome its source does not know. */
#ifndef XK_TOOLSTACK_MIGRATION_RESOLVE_H
#define XK_TOOLSTACK_MIGRATION_RESOLVE_H

#include "toolstack/host_drivers.h"
#include "toolstack/migration/handover.h"

/* How to resolve a domain in doubt. */
enum xk_resolve {
    XK_RESOLVE_ASK,  /* ask the target */
    XK_RESOLVE_KEEP, /* it does not run there: resume it here */
    XK_RESOLVE_GONE, /* it runs there: destroy it here */
};

/* Resolve a domain in doubt. *fate is the decision. XK_ERR_STATE if the domain
 * is not in doubt; the link's error if the target cannot be asked; XK_ERR_BUSY
 * if the target has not decided yet. */
int xk_migrate_resolve(struct xk_host *host, struct xk_domain *domain,
                       enum xk_resolve how, enum xk_handover *fate,
                       struct xk_deadline deadline, struct xk_error *err);

/* Recover an interrupted move at its source: resume the guest here, unless the
 * move is committed; then do nothing. */
int xk_migrate_recover(struct xk_host *host, struct xk_domain *domain,
                       struct xk_deadline deadline, struct xk_error *err);

#endif
