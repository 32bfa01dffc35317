/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The logs of a record: text files of bounded length, to which we append what
 * is in QEMU's memory (toolstack/kvm/live_log.h). Any process may do that at
 * any time: the monitor when something was written, and verbs that read a log.
 */
#ifndef XK_TOOLSTACK_KVM_LOGS_H
#define XK_TOOLSTACK_KVM_LOGS_H

#include <sys/types.h>

#include "base/error.h"
#include "toolstack/kvm/live_log.h"
#include "toolstack/record.h"

enum {
    XK_KVM_LOG_KEEP =
        512 * 1024, /* at least this many of the last bytes stay */
    XK_KVM_LOG_MAX = 2 * XK_KVM_LOG_KEEP,
    XK_KVM_LOG_CUT =
        XK_KVM_LOG_KEEP / 2, /* a log is shortened by multiples of this */
};

/* Create the missing log files of a record, for a QEMU that is about to start.
 * Its first output starts a new line. */
int xk_kvm_logs_make(int record_dir_fd, struct xk_error *err);

/* Create the log files that somebody removed from an existing record. */
void xk_kvm_logs_restore(const struct xk_record *record);

/* Open a log of the record and lock it against other writers. -1: it does not
 * exist, or another process holds it and goes on gathering. */
int xk_kvm_log_hold(int record_dir_fd, enum xk_kvm_log which);

/* Append to a log that the caller holds, without zero bytes. -1: there is no
 * room, and nothing was appended. */
int xk_kvm_log_add(int fd, const char *text, size_t length);

/* Move the output of the guest or of QEMU from memory to the record's log. What
 * does not fit stays in memory for as long as QEMU lives. -1: another process
 * holds the log and goes on gathering. */
int xk_kvm_log_gather(int record_dir_fd, enum xk_kvm_log which,
                      const struct xk_kvm_live *live);

#endif
