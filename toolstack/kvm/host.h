/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this host offers to KVM guests. Every fact is probed, never assumed. */
#ifndef XK_TOOLSTACK_KVM_HOST_H
#define XK_TOOLSTACK_KVM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Return the absolute path of qemu-system-x86_64: XK_QEMU, or the first match
 * in PATH and then in the usual folders. The caller owns it. XK_ERR_HOST if
 * QEMU is missing. */
char *xk_kvm_qemu_path(struct xk_error *err);

/* Return whether KVM works: /dev/kvm opens and the processor has vmx or svm
 * (some hosts have a /dev/kvm without the hardware). If not, *reason says why,
 * and the caller owns it. */
bool xk_kvm_accelerator(char **reason);

/* Return the flags of the first processor in /proc/cpuinfo, separated by single
 * blanks. The caller owns the text. */
char *xk_kvm_processor_flags(void);

/* Read the major and minor version of this host's QEMU. */
int xk_kvm_qemu_version(int version[2], struct xk_error *err);

/* Return the memory available to new guests in MiB; 0 if unknown. */
uint64_t xk_kvm_available_mib(void);

#endif
