/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting the process that becomes QEMU. Used by the launcher. */
#ifndef XK_TOOLSTACK_KVM_SPAWN_H
#define XK_TOOLSTACK_KVM_SPAWN_H

#include "base/error.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/record.h"

/* Start the program of the plan in a session of its own, as a child of init's,
 * with the plan's descriptors and no others, its output going to its log in the
 * plan and its working directory at folder_fd. The process notes itself in the
 * record before it becomes the program, and has become it when this returns 0.
 * Only while the calling process has one thread. */
int xk_kvm_spawn(const struct xk_kvm_plan *plan, const struct xk_record *record,
                 const struct xk_kvm_claim *claim, int folder_fd,
                 struct xk_error *err);

#endif
