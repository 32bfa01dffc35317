/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running QEMU needs of the host that is to take its guest over: written
 * on one host, checked and applied on the other. */
#ifndef XK_TOOLSTACK_KVM_MIGRATION_NEEDS_H
#define XK_TOOLSTACK_KVM_MIGRATION_NEEDS_H

#include "toolstack/hypervisor.h"
#include "toolstack/kvm/plan.h"

/* Members of xk_transfer_ops. */
int xk_kvm_put_needs(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     struct xk_json_writer *writer, struct xk_deadline deadline,
                     struct xk_error *err);
int xk_kvm_check_needs(struct xk_hypervisor *hv,
                       const struct xk_domain_config *config,
                       const struct xk_json *needs, bool live,
                       struct xk_problems *problems, struct xk_error *err);

/* Make a plan one for a guest that comes with these needs, which must outlive
 * it. XK_ERR_PROTOCOL where they are not of a kind that we write. */
int xk_kvm_needs_apply(const struct xk_json *needs, struct xk_kvm_plan *plan,
                       struct xk_error *err);

#endif
