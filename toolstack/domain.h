/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The small operations: end a domain, pause it, resume it, signal its guest.
 * The other operations have files of their own (toolstack/create.h, reset.h,
 * rename.h, edit.h, policy.h, migration/). Every operation is written once, for
 * all hypervisors; the verbs of the command line call these and print.
 *
 * An operation locks the domain's record (toolstack/operation.h), writes the
 * journal around its effects, and on failure undoes what it did. What a killed
 * process left, the next verb finishes or undoes (toolstack/recovery.h).
 */
#ifndef XK_TOOLSTACK_DOMAIN_H
#define XK_TOOLSTACK_DOMAIN_H

#include "toolstack/host_drivers.h"
#include "toolstack/seam/domain_ops.h"

int xk_domain_destroy(struct xk_host *host, struct xk_domain *domain,
                      struct xk_deadline deadline, struct xk_error *err);
int xk_domain_pause(struct xk_host *host, struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);
int xk_domain_unpause(struct xk_host *host, struct xk_domain *domain,
                      struct xk_deadline deadline, struct xk_error *err);

/* Signal the guest: signal() of the driver. domain->starts is refreshed. */
int xk_domain_signal(struct xk_host *host, struct xk_domain *domain,
                     enum xk_signal signal, bool acpi_fallback,
                     struct xk_deadline deadline, struct xk_error *err);

#endif
