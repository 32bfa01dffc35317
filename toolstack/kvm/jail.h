/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a QEMU of root's is not to do once a guest has taken it over, and that
 * QEMU's own filter (-sandbox) lets it do. */
#ifndef XK_TOOLSTACK_KVM_JAIL_H
#define XK_TOOLSTACK_KVM_JAIL_H

#include "base/error.h"

/* For this process, before it becomes QEMU: nothing that outlives it and makes
 * others its user (files with S_ISUID or S_ISGID), or keeps what it was given
 * (a TAP that is persistent, or somebody else's), and nothing that makes us
 * wait (base/call_filter.h). After it has given up new privileges. */
int xk_kvm_jail_enter(struct xk_error *err);

#endif
