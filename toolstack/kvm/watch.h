/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watch domains change: the event log grows (inotify), or the process ends
 * (pidfd). The log holds all that happened, so nothing that happened while
 * nobody watched is missed.
 *
 * A watcher has the logs of QEMU open. They then outlive QEMU, so that its last
 * output reaches the record.
 */
#ifndef XK_TOOLSTACK_KVM_WATCH_H
#define XK_TOOLSTACK_KVM_WATCH_H

#include "toolstack/seam/monitor_ops.h"

/* All domains that a monitor watches, with one descriptor for all and one per
 * domain. A zeroed struct watches none. */
struct xk_kvm_watcher {
    struct xk_kvm_watched *domains;
    struct xk_kvm_log_watch *log_watch; /* NULL until first used */
};

/* The driver, as its own files see it. */
struct xk_kvm {
    struct xk_hypervisor base; /* must be first */
    struct xk_kvm_watcher watcher;
};

/* Stop watching all domains. */
void xk_kvm_watcher_free(struct xk_kvm_watcher *watcher);

#endif
