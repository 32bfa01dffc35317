/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop of one thread, on an io_uring. Doorbells, disks and timers all
 * complete there, so a round needs one system call.
 *
 * An operation is a struct xk_loop_op, which its owner embeds and keeps until
 * done() was called. Only the thread that opened the loop may call these
 * functions.
 */
#ifndef XK_BACKENDS_WORKER_LOOP_H
#define XK_BACKENDS_WORKER_LOOP_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct xk_loop_op {
    /* result: the return value of the system call, or -errno. */
    void (*done)(struct xk_loop_op *op, int result);
};

struct xk_loop {
    struct io_uring ring;
    /* Memory that the kernel has pinned for READ_FIXED and WRITE_FIXED, as
     * buffer 0. NULL: none. */
    uint8_t *fixed;
    size_t fixed_bytes;
    unsigned pending; /* operations whose done() has yet to be called */
};

/* Open the loop. Its ring is then restricted to reads, writes, syncs,
 * allocation, polls and timers, because seccomp does not see operations of an
 * io_uring. XK_ERR_HOST if the kernel has no io_uring. */
int xk_loop_open(struct xk_loop *loop, unsigned entries, struct xk_error *err);
void xk_loop_close(struct xk_loop *loop);

/* Pin memory that is used for much I/O, until xk_loop_unpin(). If the kernel
 * refuses, I/O works without. */
void xk_loop_pin(struct xk_loop *loop, void *memory, size_t bytes);
void xk_loop_unpin(struct xk_loop *loop);

/* Returns true if all of that memory is pinned. */
bool xk_loop_is_fixed(const struct xk_loop *loop, const void *memory,
                      size_t bytes);

/* Returns a free entry. The caller prepares it with io_uring_prep_*() and
 * passes it to xk_loop_start(). Submits queued entries if there is no free
 * one. */
struct io_uring_sqe *xk_loop_sqe(struct xk_loop *loop);

/* Tie a prepared entry to op. op NULL: nobody needs the result. */
void xk_loop_start(struct xk_loop *loop, struct io_uring_sqe *sqe,
                   struct xk_loop_op *op);

/* Call op's done() in `ns`, or as soon as can be if that is past. *room is the
 * kernel's until then. */
void xk_loop_start_timer(struct xk_loop *loop, int64_t ns,
                         struct __kernel_timespec *room, struct xk_loop_op *op);

/* Submit queued entries, wait for a completion if `wait`, and call done() of
 * every completed operation. */
int xk_loop_run(struct xk_loop *loop, bool wait, struct xk_error *err);

/* Do that until *left is 0, which done() of some operations counts down. For
 * operations that the kernel does while they are submitted, as it does with a
 * descriptor that does not block: then this is one system call. */
int xk_loop_run_all(struct xk_loop *loop, const unsigned *left,
                    struct xk_error *err);

#endif
