/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log that QEMU writes for as long as it lives, whether or not a process of
 * ours lives: a memfd of XK_KVM_LIVE_ROOM bytes, sealed so that it cannot grow.
 * When it is full, the kernel refuses writes; QEMU and its guest go on, and
 * what does not fit is lost.
 *
 * All writers share one open file description, and so one offset for the next
 * byte. A process that has this description frees room by setting the offset to
 * the front; pidfd_getfd(2) hands the description out. A process that is
 * refused it can still read the log through /proc.
 *
 * Once a guest has taken QEMU over, QEMU can hold anything under these names.
 * So nothing is read before the kernel has confirmed that it is such a memfd.
 * And a hostile QEMU can make a write last as long as it likes, by the pages
 * that the write reads from, with the locks of the file and its offset held. So
 * nothing here waits for these locks.
 */
#ifndef XK_TOOLSTACK_KVM_LIVE_LOG_H
#define XK_TOOLSTACK_KVM_LIVE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/process.h"

enum xk_kvm_log {
    XK_KVM_LOG_EVENTS,
    XK_KVM_LOG_CONSOLE,
    XK_KVM_LOG_QEMU, /* what QEMU prints */
    XK_KVM_LOG_COUNT,
};

enum {
    XK_KVM_LIVE_ROOM = 512 * 1024 /* bytes of each */
};

/* Return the name of the record's file that keeps a log
 * (toolstack/kvm/logs.h). */
const char *xk_kvm_log_name(enum xk_kvm_log which);

struct xk_kvm_live {
    int fd;       /* to read it and free its room; -1: there is none */
    int write_fd; /* QEMU's own description; -1: not available */
    pid_t holder; /* the QEMU it was found in; 0: created here */
};

#define XK_KVM_LIVE_NONE ((struct xk_kvm_live){.fd = -1, .write_fd = -1})
#define XK_CLEANUP_LIVE __attribute__((cleanup(xk_kvm_live_close)))

int xk_kvm_live_make(enum xk_kvm_log which, struct xk_kvm_live *live,
                     struct xk_error *err);

/* Find all logs of a process; a log that it does not have is NONE. -1: some may
 * be NONE because this process is out of descriptors. */
int xk_kvm_live_find_all(const struct xk_process *process,
                         struct xk_kvm_live lives[XK_KVM_LOG_COUNT]);

/* Find one log of a process. */
struct xk_kvm_live xk_kvm_live_find(const struct xk_process *process,
                                    enum xk_kvm_log which);

/* Find one log of the record's QEMU, if that is alive. */
struct xk_kvm_live xk_kvm_live_of(int record_dir_fd, enum xk_kvm_log which);

void xk_kvm_live_close(struct xk_kvm_live *live);
void xk_kvm_live_close_all(struct xk_kvm_live lives[XK_KVM_LOG_COUNT]);

/* Turn O_APPEND off once QEMU has opened the log. Until then all writes go
 * behind the end, where there is no room; from then on each goes where the last
 * one ended. */
void xk_kvm_live_begin(const struct xk_kvm_live *live);

/* Return a number that no other log of this boot has; 0: there is no log. */
int64_t xk_kvm_live_number(const struct xk_kvm_live *live);

/* Return the offset behind the last byte. */
off_t xk_kvm_live_end(const struct xk_kvm_live *live);

/* Return whether so much room is used that the log should be rewound. */
bool xk_kvm_live_is_worn(off_t end);

/* Overwrite a range with zeros. */
void xk_kvm_live_give_back(const struct xk_kvm_live *live, off_t begin,
                           off_t end);

/* Make the next write go to the front. False if that cannot be done, or not
 * within half a second: the process that tries is then stuck in the kernel, and
 * for some seconds no other try is made for that QEMU. Bytes written since a
 * process last asked for the end stay where they are. */
bool xk_kvm_live_rewind(const struct xk_kvm_live *live);

/* Add an inotify watch that reports writes. -1, with errno, if the log cannot
 * be watched. */
int xk_kvm_live_watch(const struct xk_kvm_live *live, int inotify_fd,
                      unsigned mask);

#endif
