/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one thread waits for: an io_uring. Doorbells, disks and timers all
 * complete there, so that a round is one system call.
 *
 * An operation is a struct xk_loop_op that its owner embeds and keeps until
 * done() was called. All calls are made by the thread that opened the loop.
 */
#ifndef XK_BACKENDS_WORKER_LOOP_H
#define XK_BACKENDS_WORKER_LOOP_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct xk_loop_op {
    /* result: what the system call would return, or -errno. */
    void (*done)(struct xk_loop_op *op, int result);
};

struct xk_loop {
    struct io_uring ring;
    /* Memory that the kernel has pinned for READ_FIXED and WRITE_FIXED, as
     * buffer 0; length 0: none. */
    uint8_t *fixed;
    size_t fixed_bytes;
    unsigned pending; /* operations whose done() has yet to be called */
};

/* After this the ring takes reads, writes, syncs, allocation, polls and timers
 * only: seccomp does not see what goes through it. XK_ERR_HOST
 * where the kernel has no io_uring. */
int xk_loop_open(struct xk_loop *loop, unsigned entries, struct xk_error *err);
void xk_loop_close(struct xk_loop *loop);

/* Pin memory that much I/O goes to, until it is let go of. It is done without
 * where the kernel refuses. */
void xk_loop_pin(struct xk_loop *loop, void *memory, size_t bytes);
void xk_loop_unpin(struct xk_loop *loop);

/* Whether that memory is wholly pinned. */
bool xk_loop_is_fixed(const struct xk_loop *loop, const void *memory,
                      size_t bytes);

/* An entry for op; the caller prepares it with io_uring_prep_*() through
 * xk_loop_start(). Submits what is queued if there is no room. */
struct io_uring_sqe *xk_loop_sqe(struct xk_loop *loop);

/* Call after io_uring_prep_*(): ties sqe to op. op NULL: nobody cares. */
void xk_loop_start(struct xk_loop *loop, struct io_uring_sqe *sqe,
                   struct xk_loop_op *op);

/* Submits what is queued, waits until something is done if wait, and calls
 * done() of all that is. */
int xk_loop_run(struct xk_loop *loop, bool wait, struct xk_error *err);

#endif
