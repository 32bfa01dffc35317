/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which number of a user is free for a QEMU of root's: on the whole host, not
 * in one state directory. */
#ifndef XK_TOOLSTACK_KVM_UID_H
#define XK_TOOLSTACK_KVM_UID_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Whether the number is one of those that QEMUs are given. */
bool xk_kvm_uid_is_ours(uid_t uid);

/* Hold the number until xk_kvm_uid_release(): others that ask for it are given
 * XK_ERR_IN_USE, as where a process is that user, or the host has given the
 * number away. Once a QEMU runs as that user it need not be held: the process
 * is what others see. Returns a descriptor, which is not for QEMU. */
int xk_kvm_uid_hold(uid_t uid, struct xk_error *err);

/* held may be -1. */
void xk_kvm_uid_release(uid_t uid, int held);

#endif
