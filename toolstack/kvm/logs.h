/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logs that QEMU appends to by itself, for as long as it lives, whoever of us
 * lives: what it prints, what its guest prints, and events.
 *
 * How they are bounded: QEMU runs with a limit on how far any file may reach
 * (RLIMIT_FSIZE), which is further than an image gets, and a log begins
 * XK_KVM_LOG_ROOM before that limit, or before the end of what its file system
 * can address. All before is a hole. Where the room is used up, the kernel
 * refuses what QEMU appends; QEMU and the guest go on, and what does not fit is
 * lost. Whoever comes gives back what is old, and begins anew in time.
 */
#ifndef XK_TOOLSTACK_KVM_LOGS_H
#define XK_TOOLSTACK_KVM_LOGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum {
    XK_KVM_LOG_ROOM = 2 << 20 /* bytes; a power of two */
};

/* No file that QEMU writes gets longer. */
#define XK_KVM_FILE_LIMIT ((INT64_C(1) << 62) - 4096)

/* Open a log for QEMU to append to, and for nothing else. One that is new or
 * empty begins where it is bounded. */
int xk_kvm_log_open(int dirfd, const char *name, struct xk_error *err);

/* Where a log of that size has its first byte. */
off_t xk_kvm_log_first(off_t size);

/* Whether it has used up so much of its room that it ought to begin anew. */
bool xk_kvm_log_is_worn(off_t size);

/* Give back all but about the last `keep` bytes, which are less than half of
 * the room. What is appended in the moment of beginning anew is lost. */
void xk_kvm_log_trim(int dirfd, const char *name, off_t keep);

/* Where the part of a log begins that was not given back. */
off_t xk_kvm_log_start(int fd);

/* Give back whole pages before `end`. */
void xk_kvm_log_give_back(int fd, off_t end);

#endif
