/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The logs of a record: plain text of bounded length, to which we add what
 * QEMU's memory got (toolstack/kvm/live_log.h). Anyone may, at any time: the
 * monitor where something was written, and verbs that look.
 */
#ifndef XK_TOOLSTACK_KVM_LOGS_H
#define XK_TOOLSTACK_KVM_LOGS_H

#include <sys/types.h>

#include "base/error.h"
#include "toolstack/kvm/live_log.h"
#include "toolstack/record.h"

enum {
    XK_KVM_LOG_KEEP = 512 * 1024, /* at least so many of the last bytes */
    XK_KVM_LOG_MAX = 2 * XK_KVM_LOG_KEEP,
    XK_KVM_LOG_CUT = XK_KVM_LOG_KEEP / 2, /* by whole ones it gets shorter */
};

/* Make those files of a record that are missing, for a QEMU that is about to
 * begin: what it says first begins a line. */
int xk_kvm_logs_make(int record_dir_fd, struct xk_error *err);

/* Make those that somebody took away from a record that is there. */
void xk_kvm_logs_restore(const struct xk_record *record);

/* A log of the record, held against all others who would add to it. -1: it is
 * not there, or another has it; who had it goes on. */
int xk_kvm_log_hold(int record_dir_fd, enum xk_kvm_log which);

/* Add to a log that is held; zeros are left out. -1: there is no room, and
 * nothing was added. */
int xk_kvm_log_add(int fd, const char *text, size_t length);

/* Move what the console or QEMU's own words got to the log of the record. What
 * there is no room for stays where it is, as long as QEMU lives. -1: another
 * holds the log, and goes on. */
int xk_kvm_log_gather(int record_dir_fd, enum xk_kvm_log which,
                      const struct xk_kvm_live *live);

#endif
