/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest needs from the host it moves to: written on the source, checked
 * and applied on the target. */
#ifndef XK_TOOLSTACK_KVM_MIGRATION_NEEDS_H
#define XK_TOOLSTACK_KVM_MIGRATION_NEEDS_H

#include "base/error.h"
#include "base/json.h"
#include "toolstack/kvm/plan.h"

/* Prepare a plan for a guest that arrives with these needs, which must outlive
 * the plan. XK_ERR_PROTOCOL if xk does not write such needs. */
int xk_kvm_needs_apply(const struct xk_json *needs, struct xk_kvm_plan *plan,
                       struct xk_error *err);

#endif
