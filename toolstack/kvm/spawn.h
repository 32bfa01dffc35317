/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Becoming QEMU: from fork to execve. Used by the launcher. */
#ifndef XK_TOOLSTACK_KVM_SPAWN_H
#define XK_TOOLSTACK_KVM_SPAWN_H

#include "base/error.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/record.h"

/* Start the program of the plan in a session of its own, as no child of ours,
 * with the plan's descriptors and no others, its output going to the plan's log
 * of it and its working directory at folder_fd. It has noted itself in the
 * record before it becomes the program; when this returns 0 it has become it.
 * Only while the process has one thread. */
int xk_kvm_spawn(const struct xk_kvm_plan *plan, const struct xk_record *record,
                 const struct xk_kvm_claim *claim, int folder_fd,
                 struct xk_error *err);

#endif
