/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU writes by itself, for as long as it lives, whoever of us lives: a
 * piece of memory (memfd) of XK_KVM_LIVE_ROOM bytes, sealed so that it cannot
 * grow. Where it is full the kernel refuses what is written; QEMU and its guest
 * go on, and what does not fit is lost.
 *
 * All who write share one file description, and so one place where the next
 * byte goes. Whoever has that description gives room back by setting the place
 * to the front; pidfd_getfd(2) hands it out. Who is refused that can still
 * read, by /proc.
 *
 * QEMU can hold anything under these names once a guest has taken it over. So
 * nothing is read before the kernel has said that it is such a memory. And a
 * write of QEMU's can last for as long as the pages that it reads from do, with
 * the locks of the file and of its place held: none of that is waited for here.
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

/* The file of the record that keeps it (toolstack/kvm/logs.h). */
const char *xk_kvm_log_name(enum xk_kvm_log which);

struct xk_kvm_live {
    int fd;       /* to read it and to give back its pages; -1: there is none */
    int write_fd; /* the description that QEMU has; -1: not to be had */
    pid_t holder; /* the QEMU that it was found in; 0: it was made here */
};

#define XK_KVM_LIVE_NONE ((struct xk_kvm_live){.fd = -1, .write_fd = -1})
#define XK_CLEANUP_LIVE __attribute__((cleanup(xk_kvm_live_close)))

int xk_kvm_live_make(enum xk_kvm_log which, struct xk_kvm_live *live,
                     struct xk_error *err);

/* Those of a process, each NONE where it has none. -1: some may be NONE because
 * we have no descriptors to spare. */
int xk_kvm_live_find_all(const struct xk_process *process,
                         struct xk_kvm_live lives[XK_KVM_LOG_COUNT]);

/* One of them. */
struct xk_kvm_live xk_kvm_live_find(const struct xk_process *process,
                                    enum xk_kvm_log which);

/* That of the QEMU of a record, if it is alive. */
struct xk_kvm_live xk_kvm_live_of(int record_dir_fd, enum xk_kvm_log which);

void xk_kvm_live_close(struct xk_kvm_live *live);
void xk_kvm_live_close_all(struct xk_kvm_live lives[XK_KVM_LOG_COUNT]);

/* QEMU has opened it, which made all writes go behind its end, where there is
 * no room. From now on they go where the last one ended. */
void xk_kvm_live_begin(const struct xk_kvm_live *live);

/* Which one it is: no other of this boot has the number. 0: none. */
int64_t xk_kvm_live_number(const struct xk_kvm_live *live);

/* Where the last byte ends. */
off_t xk_kvm_live_end(const struct xk_kvm_live *live);

/* Whether so much is used up that it ought to begin anew. */
bool xk_kvm_live_is_worn(off_t end);

/* Have what stands there read as zeros. */
void xk_kvm_live_give_back(const struct xk_kvm_live *live, off_t begin,
                           off_t end);

/* What is written from now on goes to the front. False where that cannot be, or
 * is not done in half a second: whoever does it waits in the kernel then, and
 * for some seconds none is tried for the same QEMU.
 * What was written since somebody last asked for the end stays where it is. */
bool xk_kvm_live_rewind(const struct xk_kvm_live *live);

/* Becomes readable when something is written: a watch for inotify. -1, with
 * errno, where it cannot be watched. */
int xk_kvm_live_watch(const struct xk_kvm_live *live, int inotify_fd,
                      unsigned mask);

#endif
