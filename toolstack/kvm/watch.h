/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seeing a domain change: its log of events grows (inotify), or its process
 * ends (pidfd). The log holds all that happened, so nothing is missed that
 * happened while nobody watched.
 *
 * Who watches has the logs of QEMU open: they outlive QEMU then, and its last
 * words come to the record.
 */
#ifndef XK_TOOLSTACK_KVM_WATCH_H
#define XK_TOOLSTACK_KVM_WATCH_H

#include "toolstack/seam/monitor_ops.h"

/* All domains that a monitor watches: one descriptor for all, and one for each.
 * A zeroed struct watches none. */
struct xk_kvm_watcher {
    struct xk_kvm_watched *domains;
    struct xk_kvm_log_watch *log_watch; /* NULL until first used */
};

/* The driver, as its own files see it. */
struct xk_kvm {
    struct xk_hypervisor base; /* first */
    struct xk_kvm_watcher watcher;
};

/* Stop watching all. */
void xk_kvm_watcher_free(struct xk_kvm_watcher *watcher);

#endif
