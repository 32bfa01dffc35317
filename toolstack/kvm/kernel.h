/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a kernel file is, told from its first bytes and ELF notes. */
#ifndef XK_TOOLSTACK_KVM_KERNEL_H
#define XK_TOOLSTACK_KVM_KERNEL_H

#include "base/error.h"

/* Whether QEMU can start the kernel open at fd: a bzImage, or an ELF file with
 * a PVH entry point. Else -1 with XK_ERR_CONFIG, saying what it is and what to
 * do; path is for the message. */
int xk_kvm_kernel_check(int fd, const char *path, struct xk_error *err);

#endif
