/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One queue of a block device: a worker (worker.h) that carries requests from a
 * ring in the guest's memory to the engine.
 *
 * How it works. A round takes the requests in the ring, copies the data to be
 * written from the guest with one call, submits the requests to the engine,
 * copies the data of finished reads to the guest with one call, writes and
 * publishes the responses, and notifies the guest.
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

/* Shared by all queues of a device; outlives them. */
struct xk_blkif_device {
    struct xk_engine *engine;
    struct xk_inflight *log;
    struct xk_blkif_limits limits; /* sectors may change: atomic */
    unsigned poll_us;              /* worker.h */
    /* A flush failed: all further reads and writes fail, because the guest must
     * not be told that data which may be lost is safe. */
    _Atomic bool poisoned;
    /* The process that serves the image is gone: requests in flight stay in the
     * log, unanswered, for the next process to do again. */
    _Atomic bool lost;
    int changed_fd; /* eventfd: a queue's state, poisoned or lost changed */
};

struct xk_blkif_stats {
    uint64_t read_requests, read_bytes;
    uint64_t write_requests, write_bytes;
    uint64_t flush_requests, discard_requests;
    uint64_t errors; /* answered with a status other than XK_BLKIF_OK */
    uint64_t inflight;
    uint64_t events, empty_events, notifies, copy_calls, rounds;
};

/* Make a queue and start its thread, whose state becomes IDLE or FAILED. The
 * queue owns the guest, also on failure. Use xk_worker_*() for all calls not
 * declared here; xk_worker_free() frees the queue. */
struct xk_worker *xk_blkif_queue_new(struct xk_blkif_device *device,
                                     struct xk_guest *guest, unsigned number,
                                     struct xk_error *err);

/* Connect to the ring `id`, as xk_worker_connect(). take_over: the log belongs
 * to this ring, and the requests in it are done again. */
void xk_blkif_queue_connect(struct xk_worker *worker,
                            const struct xk_blkif_ring_id *id, bool take_over);

void xk_blkif_queue_stats(const struct xk_worker *worker,
                          struct xk_blkif_stats *stats);

/* Returns true if the log has a flush that a killed process took and did not
 * answer, and the log is not settled. Safe for a log with any contents. */
bool xk_blkif_flush_is_lost(struct xk_inflight *log);

#endif
