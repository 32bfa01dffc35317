/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that a QEMU wrote, to the logs of its record. */
#ifndef XK_TOOLSTACK_KVM_GATHER_H
#define XK_TOOLSTACK_KVM_GATHER_H

#include "toolstack/kvm/live_log.h"

/* Also once that QEMU has ended. -1: another holds one of them, and goes on. */
int xk_kvm_gather(int record_dir_fd,
                  const struct xk_kvm_live lives[XK_KVM_LOG_COUNT]);

#endif
