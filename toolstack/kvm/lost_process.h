/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Find the QEMU of a record that does not name its process: a missing file does
 * not prove that there is no QEMU. */
#ifndef XK_TOOLSTACK_KVM_LOST_PROCESS_H
#define XK_TOOLSTACK_KVM_LOST_PROCESS_H

#include "base/error.h"
#include "base/process.h"

/* 1: *process is the QEMU; 0: no process of this host is; -1: it cannot be
 * determined. */
int xk_kvm_find_lost(int record_dir_fd, struct xk_process *process,
                     struct xk_error *err);

#endif
