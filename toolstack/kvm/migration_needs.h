/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running QEMU needs of the host that is to take its guest over: written
 * on one host, checked and applied on the other. */
#ifndef XK_TOOLSTACK_KVM_MIGRATION_NEEDS_H
#define XK_TOOLSTACK_KVM_MIGRATION_NEEDS_H

#include "base/error.h"
#include "base/json.h"
#include "toolstack/kvm/plan.h"

/* Make a plan one for a guest that comes with these needs, which must outlive
 * it. XK_ERR_PROTOCOL where they are not of a kind that we write. */
int xk_kvm_needs_apply(const struct xk_json *needs, struct xk_kvm_plan *plan,
                       struct xk_error *err);

#endif
