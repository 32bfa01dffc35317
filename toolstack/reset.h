/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reset button of a domain. */
#ifndef XK_TOOLSTACK_RESET_H
#define XK_TOOLSTACK_RESET_H

#include "toolstack/host_drivers.h"

int xk_domain_reset(struct xk_host *host, struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);

/* Recover a reset that was killed: reset the domain once more if it is paused,
 * resume it if it had run, and end the operation. */
int xk_operation_finish_reset(struct xk_host *host, struct xk_domain *domain,
                              struct xk_deadline deadline,
                              struct xk_error *err);

#endif
