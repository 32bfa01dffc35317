/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/gather.h"

#include "toolstack/kvm/events.h"
#include "toolstack/kvm/logs.h"

/* What another gathers just now is there in a moment. */
void
xk_kvm_gather(int record_dir_fd,
              const struct xk_kvm_live lives[XK_KVM_LOG_COUNT])
{
    xk_kvm_events_gather(record_dir_fd, &lives[XK_KVM_LOG_EVENTS]);
    (void)xk_kvm_log_gather(record_dir_fd, XK_KVM_LOG_CONSOLE,
                            &lives[XK_KVM_LOG_CONSOLE]);
    (void)xk_kvm_log_gather(record_dir_fd, XK_KVM_LOG_QEMU,
                            &lives[XK_KVM_LOG_QEMU]);
}
