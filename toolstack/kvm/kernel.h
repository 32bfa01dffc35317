/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recognize a kernel file by its first bytes and its ELF notes. */
#ifndef XK_TOOLSTACK_KVM_KERNEL_H
#define XK_TOOLSTACK_KVM_KERNEL_H

#include "base/error.h"

/* Check that QEMU can start the kernel open at fd: a bzImage, or an ELF file
 * with a PVH entry point. XK_ERR_CONFIG otherwise: the message says what the
 * file is and what to do. path is for the message. */
int xk_kvm_kernel_check(int fd, const char *path, struct xk_error *err);

#endif
