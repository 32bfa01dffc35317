/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a domain: its log of events and its process together. */
#ifndef XK_TOOLSTACK_KVM_STATUS_H
#define XK_TOOLSTACK_KVM_STATUS_H

#include <stdbool.h>

#include "base/process.h"
#include "toolstack/hypervisor.h"
#include "toolstack/kvm/identity.h"

struct xk_kvm_status {
    enum xk_domain_state state;
    enum xk_stop_reason reason; /* in SHUTDOWN and CRASHED */
    bool alive;                 /* there is a QEMU */
    bool logs;                  /* it has been told to log its events */
    struct xk_process process;
    struct xk_kvm_claim claim;
    uint64_t cpu_time_ns; /* of QEMU, while alive */
};

/* The directory of a domain's record; XK_ERR_NOT_FOUND where it has none. */
int xk_kvm_dir(const struct xk_domain *domain, struct xk_error *err);

/* XK_ERR_NOT_FOUND where no QEMU was ever started. QEMU is asked only where
 * the log leaves open why it stopped, or shows that events may be missing, and
 * not for long. */
int xk_kvm_status_read(int record_dir_fd, struct xk_kvm_status *status,
                       struct xk_deadline deadline, struct xk_error *err);

/* Note that the guest was asked to reboot: a poweroff within a minute is that
 * reboot (XK_KVM_FILE_REBOOT; unmark it to take it back). */
int xk_kvm_expect_reboot(int record_dir_fd, struct xk_error *err);

/* Small facts that are kept as empty files (XK_KVM_FILE_PAUSED). */
int xk_kvm_mark(int record_dir_fd, const char *name, struct xk_error *err);
void xk_kvm_unmark(int record_dir_fd, const char *name);

#endif
