/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a source does about a move whose end it did not see. */
#ifndef XK_TOOLSTACK_MIGRATION_RESOLVE_H
#define XK_TOOLSTACK_MIGRATION_RESOLVE_H

#include "toolstack/host_drivers.h"
#include "toolstack/migration/handover.h"

/* What a person says of a domain in doubt. */
enum xk_resolve {
    XK_RESOLVE_ASK,  /* ask the target */
    XK_RESOLVE_KEEP, /* it does not run there: it goes on here */
    XK_RESOLVE_GONE, /* it runs there: end it here */
};

/* End the doubt. XK_ERR_STATE if there is none, the link's error if the target
 * cannot be asked, XK_ERR_BUSY if it has not decided yet. *fate is what became
 * of the domain. */
int xk_migrate_resolve(struct xk_host *host, struct xk_domain *domain,
                       enum xk_resolve how, enum xk_handover *fate,
                       struct xk_deadline deadline, struct xk_error *err);

/* Recover an interrupted move at its source: the guest goes on here, unless the
 * move is committed; then nothing is done. */
int xk_migrate_recover(struct xk_host *host, struct xk_domain *domain,
                       struct xk_deadline deadline, struct xk_error *err);

#endif
