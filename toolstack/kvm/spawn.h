/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start the process that becomes QEMU. Used by the launcher. */
#ifndef XK_TOOLSTACK_KVM_SPAWN_H
#define XK_TOOLSTACK_KVM_SPAWN_H

#include "base/error.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/record.h"

/* Start the plan's program in its own session, as a child of init, with the
 * plan's descriptors and no others, with its log in the plan as output and
 * folder_fd as working directory. The process writes itself to the record
 * before it becomes the program, and has become it when this returns 0. Call
 * this only while the process has one thread. */
int xk_kvm_spawn(const struct xk_kvm_plan *plan, const struct xk_record *record,
                 const struct xk_kvm_claim *claim, int folder_fd,
                 struct xk_error *err);

#endif
