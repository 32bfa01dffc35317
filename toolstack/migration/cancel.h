/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cancel a move that another process is carrying out. */
#ifndef XK_TOOLSTACK_MIGRATION_CANCEL_H
#define XK_TOOLSTACK_MIGRATION_CANCEL_H

#include "toolstack/host_drivers.h"

/* Send SIGINT to the process that moves the domain and wait until it has
 * stopped. XK_ERR_STATE if no process moves it, or if it is too late to cancel.
 */
int xk_migrate_cancel(struct xk_host *host, struct xk_domain *domain,
                      struct xk_deadline deadline, struct xk_error *err);

#endif
