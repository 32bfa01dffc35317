/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another name for a domain. */
#ifndef XK_TOOLSTACK_RENAME_H
#define XK_TOOLSTACK_RENAME_H

#include "toolstack/host_drivers.h"

int xk_domain_rename(struct xk_host *host, struct xk_domain *domain,
                     const char *name, struct xk_deadline deadline,
                     struct xk_error *err);

/* Recover a rename that was killed: tell the hypervisor the record's name and
 * end the operation. */
int xk_operation_finish_rename(struct xk_host *host, struct xk_domain *domain,
                               struct xk_deadline deadline,
                               struct xk_error *err);

#endif
