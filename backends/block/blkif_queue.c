/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The calls that a worker makes of its queue (struct xk_worker_ops). */
#include "backends/block/blkif_queue.h"

#include <stdlib.h>

#include "backends/block/blkif_internal.h"
#include "base/mem.h"

enum {
    PINNED_BYTES = 1024 * 1024, /* of the pool's start, which is used first */
};

static int
open_engine(struct xk_worker *worker, struct xk_error *err)
{
    struct xk_blkif_queue *queue = xk_blkif_queue_of(worker);

    queue->engine =
        xk_engine_open_queue(queue->device->engine, &worker->loop, err);
    return queue->engine == NULL ? -1 : 0;
}

static void
close_engine(struct xk_worker *worker)
{
    xk_engine_close_queue(xk_blkif_queue_of(worker)->engine);
}

static int
connect_ring(struct xk_worker *worker, struct xk_error *err)
{
    struct xk_blkif_queue *queue = xk_blkif_queue_of(worker);

    queue->stats.inflight = 0;
    queue->held = 0;
    queue->log = xk_inflight_queue(queue->device->log, worker->number);
    if (xk_blkif_attach(queue, err) == -1)
        return -1;
    if (queue->engine->engine->pins)
        xk_loop_pin(&worker->loop, queue->pool.memory, PINNED_BYTES);
    return 0;
}

static void
disconnect_ring(struct xk_worker *worker)
{
    struct xk_blkif_queue *queue = xk_blkif_queue_of(worker);

    xk_blkif_detach(queue);
    if (!worker->keep)
        xk_inflight_end(queue->log);
    xk_loop_unpin(&worker->loop);
    xk_pool_trim(&queue->pool);
}

/* Answer all requests in flight with an error, except flushes: Linux takes an
 * error of a flush for success. */
static void
fail_left(struct xk_blkif_queue *queue)
{
    for (uint32_t i = 0; i < queue->ring.entries; i++) {
        struct xk_blkif_work *work = &queue->works[i];

        if (!work->in_use || work->request.operation == XK_BLKIF_OP_FLUSH)
            continue;
        work->status = XK_BLKIF_ERROR;
        xk_blkif_ring_answer(queue, work);
        queue->stats.errors++;
    }
    (void)xk_ring_publish(&queue->ring);
    xk_guest_notify(queue->worker.guest, 0);
}

/* I/O still in flight uses our own buffers and is recorded in the log, so the
 * guest's pages can be unmapped now. */
static void
abandon_ring(struct xk_worker *worker)
{
    struct xk_blkif_queue *queue = xk_blkif_queue_of(worker);

    if (worker->fail)
        fail_left(queue);
    xk_blkif_detach_early(queue);
}

static bool
serve_round(struct xk_worker *worker)
{
    struct xk_blkif_queue *queue = xk_blkif_queue_of(worker);

    xk_blkif_round(queue);
    return queue->finished.first != NULL ||
           (queue->waiting.first != NULL && queue->in_engine == 0);
}

static bool
is_drained(const struct xk_worker *worker)
{
    return xk_blkif_is_drained(xk_blkif_queue_of(worker));
}

static bool
has_requests(const struct xk_worker *worker)
{
    const struct xk_blkif_queue *queue = xk_blkif_queue_of(worker);

    return xk_ring_produced(&queue->ring) != queue->ring.req_cons;
}

static bool
ask_event(struct xk_worker *worker)
{
    struct xk_blkif_queue *queue = xk_blkif_queue_of(worker);

    return queue->unused.first != NULL && xk_ring_ask(&queue->ring);
}

static void
free_queue(struct xk_worker *worker)
{
    struct xk_blkif_queue *queue = xk_blkif_queue_of(worker);

    free(queue->works); /* not NULL after abandon_ring() */
    xk_pool_destroy(&queue->pool);
}

static const struct xk_worker_ops ops = {
    .open = open_engine,
    .close = close_engine,
    .connect = connect_ring,
    .disconnect = disconnect_ring,
    .abandon = abandon_ring,
    .serve = serve_round,
    .is_drained = is_drained,
    .has_requests = has_requests,
    .ask_event = ask_event,
    .free = free_queue,
};

struct xk_worker *
xk_blkif_queue_new(struct xk_blkif_device *device, struct xk_guest *guest,
                   unsigned number, struct xk_error *err)
{
    struct xk_blkif_queue *queue = XK_NEW(struct xk_blkif_queue);

    queue->worker.ops = &ops;
    queue->worker.number = number;
    queue->device = device;
    xk_pool_init(&queue->pool);
    return xk_worker_start(&queue->worker, guest, device->changed_fd,
                           device->poll_us, err);
}

void
xk_blkif_queue_connect(struct xk_worker *worker,
                       const struct xk_blkif_ring_id *id, bool take_over)
{
    struct xk_blkif_queue *queue = xk_blkif_queue_of(worker);

    queue->id = *id;
    xk_worker_connect(worker, take_over);
}

void
xk_blkif_queue_stats(const struct xk_worker *worker,
                     struct xk_blkif_stats *stats)
{
    const struct xk_blkif_queue *queue = xk_blkif_queue_of(worker);

    xk_worker_read_counts(stats, &queue->stats, sizeof(*stats));
    xk_worker_read_events(worker, &stats->events, &stats->empty_events);
}
