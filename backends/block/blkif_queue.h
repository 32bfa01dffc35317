/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One queue of a block device: a worker (worker.h) that carries requests from a
 * ring in the guest's memory to the engine.
 *
 * How it works. A round takes all requests that are in the ring, copies what
 * they write out of the guest with one call, hands them to the engine, copies
 * what was read into the guest with one call, answers, and notifies the guest.
 *
 * All functions are for the thread that made the queue.
 */
#ifndef XK_BACKENDS_BLOCK_BLKIF_QUEUE_H
#define XK_BACKENDS_BLOCK_BLKIF_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/block/blkif_request.h"
#include "backends/block/engine/engine.h"
#include "backends/block/inflight.h"
#include "backends/ring/guest.h"
#include "backends/worker/worker.h"

/* What all queues of a device share; outlives them. */
struct xk_blkif_device {
    struct xk_engine *engine;
    struct xk_inflight *log;
    struct xk_blkif_limits limits; /* sectors may change: atomic */
    unsigned poll_us;              /* worker.h */
    /* A flush failed: nothing is written or read any more, because the guest
     * must not be told that what may be lost is safe. */
    _Atomic bool poisoned;
    /* What serves the image is gone: what was taken is left as it is, for the
     * next process to do again. */
    _Atomic bool lost;
    int changed_fd; /* eventfd: a queue's state, or poisoned, changed */
};

struct xk_blkif_stats {
    uint64_t read_requests, read_bytes;
    uint64_t write_requests, write_bytes;
    uint64_t flush_requests, discard_requests;
    uint64_t errors; /* answered with another status than okay */
    uint64_t inflight;
    uint64_t events, empty_events, notifies, copy_calls, rounds;
};

/* Takes the guest. Starts the thread, whose state becomes IDLE or FAILED. What
 * is not here is done by xk_worker_*(); xk_worker_free() ends the queue. */
struct xk_worker *xk_blkif_queue_new(struct xk_blkif_device *device,
                                     struct xk_guest *guest, unsigned number,
                                     struct xk_error *err);

/* As xk_worker_connect(). take_over: the log is of this ring; what it holds is
 * done again. */
void xk_blkif_queue_connect(struct xk_worker *worker,
                            const struct xk_blkif_ring_id *id, bool take_over);

void xk_blkif_queue_stats(const struct xk_worker *worker,
                          struct xk_blkif_stats *stats);

/* A process that was killed had taken a flush that it has not answered, and
 * nobody has flushed since. The log may say anything. */
bool xk_blkif_flush_is_lost(struct xk_inflight *log);

#endif
