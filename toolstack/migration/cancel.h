/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ending a move or a save that another process works on. */
#ifndef XK_TOOLSTACK_MIGRATION_CANCEL_H
#define XK_TOOLSTACK_MIGRATION_CANCEL_H

#include "toolstack/host_drivers.h"

/* Ask the verb that moves the domain to stop, as Ctrl-C would, and wait until
 * it has. XK_ERR_STATE where none does. */
int xk_migrate_cancel(struct xk_host *host, struct xk_domain *domain,
                      struct xk_deadline deadline, struct xk_error *err);

#endif
