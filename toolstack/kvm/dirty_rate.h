/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest does to its memory, as QEMU samples it (calc-dirty-rate,
 * qapi/migration.json of QEMU 7.2). */
#ifndef XK_TOOLSTACK_KVM_DIRTY_RATE_H
#define XK_TOOLSTACK_KVM_DIRTY_RATE_H

#include "toolstack/seam/transfer_ops.h"

/* A member of xk_transfer_ops. */
int xk_kvm_measure(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_load *load, struct xk_deadline deadline,
                   struct xk_error *err);

#endif
