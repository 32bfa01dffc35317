/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QEMU of a record that does not say which process it is: a file of ours
 * that is missing proves nothing. */
#ifndef XK_TOOLSTACK_KVM_LOST_PROCESS_H
#define XK_TOOLSTACK_KVM_LOST_PROCESS_H

#include "base/error.h"
#include "base/process.h"

/* 1: it is *process, 0: no process of this host is, -1: that cannot be known.
 */
int xk_kvm_find_lost(int record_dir_fd, struct xk_process *process,
                     struct xk_error *err);

#endif
