/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One queue of a block device: a ring in the guest's memory, a doorbell, and a
 * thread that carries requests to the engine.
 *
 * How it works. The thread is started once and then told to connect and to
 * disconnect; in between it lies still. A round of it takes all requests that
 * are in the ring, copies what they write out of the guest with one call,
 * hands them to the engine, copies what was read into the guest with one call,
 * answers, and rings. Only then it acknowledges the doorbell and waits.
 *
 * All functions are for the thread that made the queue, which must not wait:
 * it is told of changes by the descriptor it gave, and then asks.
 */
#ifndef XK_BACKENDS_BLOCK_BLKIF_QUEUE_H
#define XK_BACKENDS_BLOCK_BLKIF_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/block/blkif_request.h"
#include "backends/block/engine/engine.h"
#include "backends/block/inflight.h"
#include "backends/ring/guest.h"

enum xk_blkif_queue_state {
    XK_BLKIF_QUEUE_STARTING, /* the thread sets itself up */
    XK_BLKIF_QUEUE_IDLE,     /* nothing of the guest is mapped */
    XK_BLKIF_QUEUE_CONNECTING,
    XK_BLKIF_QUEUE_RUNNING,
    XK_BLKIF_QUEUE_STOPPING, /* finishing what was taken */
    XK_BLKIF_QUEUE_BROKEN,   /* the ring lied; takes nothing more */
    XK_BLKIF_QUEUE_FAILED,   /* could not start or connect; nothing mapped */
};

/* What all queues of a device share; outlives them. */
struct xk_blkif_device {
    struct xk_engine *engine;
    struct xk_inflight *log;
    struct xk_blkif_limits limits; /* sectors may change: atomic */
    unsigned poll_us;              /* look on for so long before sleeping */
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

struct xk_blkif_queue;

/* Takes guest over. Starts the thread, whose state becomes IDLE or FAILED. */
struct xk_blkif_queue *xk_blkif_queue_new(struct xk_blkif_device *device,
                                          struct xk_guest *guest,
                                          unsigned number,
                                          struct xk_error *err);

/* Ends the thread, which must be IDLE or FAILED, and all it has. */
void xk_blkif_queue_free(struct xk_blkif_queue *queue);

/* IDLE or FAILED -> CONNECTING -> RUNNING or FAILED. take_over: the log is of
 * this ring; what it holds is done again. */
void xk_blkif_queue_connect(struct xk_blkif_queue *queue,
                            const struct xk_blkif_ring_id *id, bool take_over);

/* CONNECTING, RUNNING or BROKEN -> STOPPING -> IDLE, once all that was taken
 * is done and nothing is mapped. Takes as long as the engine does. keep_log:
 * the ring goes on, with another process. */
void xk_blkif_queue_stop(struct xk_blkif_queue *queue, bool keep_log);

/* Any state -> IDLE without waiting for the image: what it still has under way
 * is left to the log, or, where the disk goes for good, answered with an error,
 * but for flushes. The queue is of no other use after it, and is freed only
 * where that comes to an end. */
void xk_blkif_queue_abandon(struct xk_blkif_queue *queue, bool fail);

/* Whether a process that was killed had taken a flush that it has not answered,
 * and nobody has flushed since. The log may say anything. */
bool xk_blkif_flush_is_lost(struct xk_inflight *log);

enum xk_blkif_queue_state
xk_blkif_queue_state(const struct xk_blkif_queue *queue);

/* Why it is BROKEN or FAILED. */
const char *xk_blkif_queue_reason(const struct xk_blkif_queue *queue);

void xk_blkif_queue_stats(const struct xk_blkif_queue *queue,
                          struct xk_blkif_stats *stats);

#endif
