/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a domain, from its event log and its process. */
#ifndef XK_TOOLSTACK_KVM_STATUS_H
#define XK_TOOLSTACK_KVM_STATUS_H

#include <stdbool.h>

#include "base/process.h"
#include "toolstack/hypervisor.h"
#include "toolstack/kvm/identity.h"

struct xk_kvm_status {
    enum xk_domain_state state;
    enum xk_stop_reason reason; /* in SHUTDOWN and CRASHED */
    bool alive;                 /* QEMU is running */
    bool logs;                  /* QEMU was told to log its events */
    struct xk_process process;
    struct xk_kvm_claim claim;
    uint64_t cpu_time_ns; /* of QEMU, while alive */
};

/* Return the directory of a domain's record; XK_ERR_NOT_FOUND if it has no
 * record. */
int xk_kvm_dir(const struct xk_domain *domain, struct xk_error *err);

/* Read the state. XK_ERR_NOT_FOUND if no QEMU was ever started. QEMU is asked
 * only if the log does not say why the guest stopped, or shows that events may
 * be missing, and only for a short time. */
int xk_kvm_status_read(int record_dir_fd, struct xk_kvm_status *status,
                       struct xk_deadline deadline, struct xk_error *err);

/* Note that the guest was asked to reboot: a poweroff within a minute counts as
 * that reboot (XK_KVM_FILE_REBOOT; xk_kvm_unmark() takes it back). */
int xk_kvm_expect_reboot(int record_dir_fd, struct xk_error *err);

/* Set and clear a small fact, kept as an empty file (XK_KVM_FILE_PAUSED). */
int xk_kvm_mark(int record_dir_fd, const char *name, struct xk_error *err);
void xk_kvm_unmark(int record_dir_fd, const char *name);

#endif
