/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this host offers to KVM guests, found by looking, never assumed. */
#ifndef XK_TOOLSTACK_KVM_HOST_H
#define XK_TOOLSTACK_KVM_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The absolute path of qemu-system-x86_64: XK_QEMU, or searched in PATH and
 * the usual folders; owned by the caller. XK_ERR_HOST where it is missing. */
char *xk_kvm_qemu_path(struct xk_error *err);

/* KVM really works here: /dev/kvm opens and the processor has vmx or svm (some
 * hosts have a /dev/kvm without hardware under it). Else false, and *reason is
 * why, owned by the caller. */
bool xk_kvm_accelerator(char **reason);

/* The flags of the first processor as /proc/cpuinfo has them, with a blank
 * between each two; the caller's. */
char *xk_kvm_processor_flags(void);

/* Major and minor number of the QEMU of this host. */
int xk_kvm_qemu_version(int version[2], struct xk_error *err);

/* Memory that new guests could have, in MiB; 0: not known. */
uint64_t xk_kvm_available_mib(void);

#endif
