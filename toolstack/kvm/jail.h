/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls that QEMU's own filter (-sandbox) allows, but that a QEMU
 * started by root must not make once a guest has taken it over. */
#ifndef XK_TOOLSTACK_KVM_JAIL_H
#define XK_TOOLSTACK_KVM_JAIL_H

#include "base/error.h"

/* Restrict the calling process before it becomes QEMU. It can then neither
 * create what outlives it and makes others its user (files with S_ISUID or
 * S_ISGID), nor keep what it was given (make a TAP persistent or give it to
 * another user), nor make us wait (base/call_filter.h). Call this after setting
 * no_new_privs. */
int xk_kvm_jail_enter(struct xk_error *err);

#endif
