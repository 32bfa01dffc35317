/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Map a ring, then begin it or take it over from a killed process.
 *
 * How it works. A ring that begins has no requests of ours: the log is cleared,
 * and counting starts at the ring's rsp_prod. A take-over asks the log
 * (inflight.h) which requests the killed process had taken. Each of them
 * occupies its old slot again, and is answered again or done again. After that
 * both rings are served alike. The event channel is bound last.
 */
#include <stdlib.h>

#include "backends/block/blkif_internal.h"
#include "base/mem.h"

static void
prepare_works(struct xk_blkif_queue *queue)
{
    queue->works = (struct xk_blkif_work *)xk_calloc(
        queue->ring.entries, sizeof(struct xk_blkif_work));
    queue->unused = (struct xk_blkif_list){0};
    queue->waiting = queue->finished = queue->answered = queue->unused;
    for (uint32_t i = 0; i < queue->ring.entries; i++) {
        queue->works[i].slot = i;
        queue->works[i].queue = queue;
    }
}

static struct xk_blkif_work *
restore(struct xk_blkif_queue *queue, const struct xk_inflight_left *left)
{
    struct xk_blkif_work *work = &queue->works[left->slot];

    work->status =
        (int16_t)xk_blkif_decode(queue->abi, left->entry, &work->request);
    work->in_use = true;
    queue->stats.inflight++;
    return work;
}

struct recovery {
    struct xk_blkif_queue *queue;
    struct xk_blkif_list indirect;
    unsigned indirect_count;
};

/* Answer a request again if its answer was not published; else do it again. */
static void
restore_left(void *context, const struct xk_inflight_left *left)
{
    struct recovery *recovery = (struct recovery *)context;
    struct xk_blkif_work *work = restore(recovery->queue, left);

    if (left->answered || work->status != XK_BLKIF_OK)
        xk_blkif_finish(work, left->answered ? left->status : work->status);
    else if (!work->request.indirect)
        xk_blkif_admit(work);
    else {
        xk_blkif_append(&recovery->indirect, work);
        if (++recovery->indirect_count == XK_BLKIF_BATCH) {
            xk_blkif_fetch_descriptors(recovery->queue, &recovery->indirect);
            recovery->indirect_count = 0;
        }
    }
}

static bool
is_flush(uint32_t abi, const uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX])
{
    struct xk_blkif_request request;

    return xk_blkif_decode((enum xk_blkif_abi)abi, entry, &request) ==
               XK_BLKIF_OK &&
           request.operation == XK_BLKIF_OP_FLUSH;
}

static bool
flush_is_left(struct xk_inflight *log)
{
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX];
    uint32_t abi;

    for (unsigned i = 0; i < xk_inflight_queues(log); i++) {
        for (unsigned slot = 0; slot < XK_BLKIF_RING_ENTRIES_MAX; slot++) {
            if (xk_inflight_is_undone(log, i, slot, &abi, entry) &&
                is_flush(abi, entry))
                return true;
        }
    }
    return false;
}

bool
xk_blkif_flush_is_lost(struct xk_inflight *log)
{
    return flush_is_left(log) && !xk_inflight_is_settled(log);
}

static int
take_over(struct xk_blkif_queue *queue, struct xk_error *err)
{
    struct recovery recovery = {.queue = queue};
    int rc;

    rc = xk_inflight_recover(queue->log, queue->ring.entries,
                             queue->ring.rsp_prod, &queue->ring.req_cons,
                             restore_left, &recovery);
    if (rc == -1)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "ring and in-flight log contradict each other");
    xk_blkif_fetch_descriptors(queue, &recovery.indirect);
    return 0;
}

static int
attach(struct xk_blkif_queue *queue, struct xk_error *err)
{
    if (!queue->worker.take_over)
        xk_inflight_begin(queue->log, &queue->id, queue->ring.entries,
                          queue->ring.req_cons);
    else if (take_over(queue, err) == -1)
        return -1;
    for (uint32_t i = 0; i < queue->ring.entries; i++) {
        if (!queue->works[i].in_use)
            xk_blkif_append(&queue->unused, &queue->works[i]);
    }
    if (xk_ring_is_overrun(&queue->ring, xk_ring_produced(&queue->ring)))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the ring claims more requests than it has room for");
    return xk_worker_bind(&queue->worker, 0, queue->id.port, err);
}

int
xk_blkif_attach(struct xk_blkif_queue *queue, struct xk_error *err)
{
    const struct xk_blkif_ring_id *id = &queue->id;
    void *pages;

    queue->abi = (enum xk_blkif_abi)id->abi;
    queue->layout = xk_blkif_layout(queue->abi);
    pages = xk_guest_map(queue->worker.guest, id->grefs, id->pages, err);
    if (pages == NULL)
        return -1;
    xk_ring_begin(&queue->ring, pages, id->pages * XK_BLKIF_PAGE_BYTES,
                  queue->layout->entry_bytes);
    prepare_works(queue);
    if (attach(queue, err) == 0)
        return 0;
    xk_blkif_detach(queue);
    return -1;
}

void
xk_blkif_detach_early(struct xk_blkif_queue *queue)
{
    xk_guest_unbind(queue->worker.guest);
    xk_guest_unmap(queue->worker.guest, (void *)(uintptr_t)queue->ring.header,
                   queue->id.pages);
    queue->ring.header = NULL;
}

void
xk_blkif_detach(struct xk_blkif_queue *queue)
{
    xk_blkif_detach_early(queue);
    free(queue->works);
    queue->works = NULL;
}
