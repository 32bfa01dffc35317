/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a domain that has stopped by itself. */
#ifndef XK_TOOLSTACK_POLICY_H
#define XK_TOOLSTACK_POLICY_H

#include "toolstack/host_drivers.h"

/* Carry out the policy (on_poweroff= ...) of a domain that has stopped; do
 * nothing if it has not. The monitor's workers call this. */
int xk_domain_apply_policy(struct xk_host *host, struct xk_domain *domain,
                           struct xk_deadline deadline, struct xk_error *err);

/* ---- steps, for recovery and destroy; the record is locked ---- */

/* Start the domain again and end the operation. */
int xk_operation_finish_restart(struct xk_host *host, struct xk_domain *domain,
                                struct xk_deadline deadline,
                                struct xk_error *err);

/* Bring a rename-restart that was killed at any point to its end. */
int xk_operation_finish_replace(struct xk_host *host, struct xk_domain *domain,
                                struct xk_deadline deadline,
                                struct xk_error *err);

/* Before a domain is destroyed whose rename-restart was interrupted: end what
 * the hypervisor still knows by its old UUID. */
void xk_operation_end_replaced(struct xk_host *host, struct xk_domain *domain,
                               struct xk_deadline deadline);

#endif
