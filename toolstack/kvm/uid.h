/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Uids that are free for a QEMU started by root: on the whole host, not only in
 * one state directory. */
#ifndef XK_TOOLSTACK_KVM_UID_H
#define XK_TOOLSTACK_KVM_UID_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Return whether the uid is in the range that QEMUs are given. */
bool xk_kvm_uid_is_ours(uid_t uid);

/* Reserve the uid until xk_kvm_uid_release(). XK_ERR_IN_USE if another process
 * has reserved it, a process runs as that user, or the host has given the uid
 * to somebody. Once a QEMU runs as that user no reservation is needed: others
 * see the process. Returns a descriptor, which QEMU must not inherit. */
int xk_kvm_uid_hold(uid_t uid, struct xk_error *err);

/* Release a reservation; held may be -1. */
void xk_kvm_uid_release(uid_t uid, int held);

#endif
