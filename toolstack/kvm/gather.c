/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/gather.h"

#include "toolstack/kvm/events.h"
#include "toolstack/kvm/logs.h"

int
xk_kvm_gather(int record_dir_fd,
              const struct xk_kvm_live lives[XK_KVM_LOG_COUNT])
{
    int events = xk_kvm_events_gather(record_dir_fd, &lives[XK_KVM_LOG_EVENTS]);
    int console = xk_kvm_log_gather(record_dir_fd, XK_KVM_LOG_CONSOLE,
                                    &lives[XK_KVM_LOG_CONSOLE]);
    int words = xk_kvm_log_gather(record_dir_fd, XK_KVM_LOG_QEMU,
                                  &lives[XK_KVM_LOG_QEMU]);

    return events == -1 || console == -1 || words == -1 ? -1 : 0;
}
