/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One round of a queue.
 *
 * How it works. take() copies requests from the ring into works and commits
 * them to the in-flight log; from then on a successor would do them again.
 * sort_taken() checks them: invalid ones are finished with an error, the others
 * wait. Waiting requests get a buffer and go to the engine. Reads that the
 * engine has finished are copied to the guest. Then the responses of all
 * finished requests are written into the ring and noted in the log, rsp_prod is
 * published once for all of them, and the guest is notified if it asked for it.
 *
 * The log notes a request before it is started and an answer before it is
 * published, so that a kill at any point leaves either a request to do again or
 * an answer to give again.
 */
#include "backends/block/blkif_internal.h"

#include <assert.h>

static_assert((int)XK_BLKIF_MAX_SEGMENTS <= (int)XK_BLKIF_INDIRECT_PER_PAGE,
              "an indirect request has one descriptor page");
static_assert((int)XK_BLKIF_MAX_SEGMENTS <= (int)XK_BLKIF_COPIES,
              "any request fits into one batch of copies");
static_assert(XK_BLKIF_BATCH <= XK_BLKIF_COPIES,
              "and so do the descriptors of a round");

static void
take_one(struct xk_blkif_queue *queue, struct xk_blkif_list *taken)
{
    struct xk_blkif_work *work = xk_blkif_pop(&queue->unused);
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX];

    xk_blkif_ring_read(queue, queue->ring.req_cons, entry);
    xk_inflight_take(queue->log, work->slot, queue->ring.req_cons, entry);
    queue->ring.req_cons++;
    work->in_use = true;
    queue->stats.inflight++;
    work->copy_out = work->no_window = false;
    work->buffer = NULL;
    work->status = (int16_t)xk_blkif_decode(queue->abi, entry, &work->request);
    xk_blkif_append(taken, work);
}

/* Take the requests in the ring, at most one batch. */
static bool
take(struct xk_blkif_queue *queue, struct xk_blkif_list *taken)
{
    uint32_t produced = xk_ring_produced(&queue->ring);
    unsigned count = 0;

    if (xk_ring_is_overrun(&queue->ring, produced)) {
        xk_worker_break(&queue->worker,
                        "the frontend claims more requests than the ring "
                        "has room for");
        return false;
    }
    while (queue->ring.req_cons != produced && queue->unused.first != NULL &&
           count < XK_BLKIF_BATCH) {
        take_one(queue, taken);
        count++;
    }
    if (count == 0)
        return false;
    xk_inflight_commit(queue->log, queue->ring.req_cons);
    queue->worker.bell.was_useful = true;
    return true;
}

static void
sort_taken(struct xk_blkif_queue *queue, struct xk_blkif_list *taken)
{
    struct xk_blkif_list indirect = {0};
    struct xk_blkif_work *work;

    while ((work = xk_blkif_pop(taken)) != NULL) {
        if (work->status != XK_BLKIF_OK)
            xk_blkif_finish(work, work->status);
        else if (work->request.indirect)
            xk_blkif_append(&indirect, work);
        else
            xk_blkif_admit(work);
    }
    xk_blkif_fetch_descriptors(queue, &indirect);
}

/* Write all responses into the ring; publish_answers() then publishes them
 * together. */
static void
answer_finished(struct xk_blkif_queue *queue)
{
    struct xk_blkif_work *work;

    while ((work = xk_blkif_pop(&queue->finished)) != NULL) {
        uint32_t index = queue->ring.rsp_prod;

        xk_blkif_ring_answer(queue, work);
        xk_inflight_answer(queue->log, work->slot, index, work->status);
        if (work->status != XK_BLKIF_OK)
            queue->stats.errors++;
        xk_blkif_release_buffer(work);
        xk_blkif_append(&queue->answered, work);
    }
}

static void
publish_answers(struct xk_blkif_queue *queue)
{
    struct xk_blkif_work *work;
    bool wants_notice;

    if (queue->answered.first == NULL)
        return;
    wants_notice = xk_ring_publish(&queue->ring);
    while ((work = xk_blkif_pop(&queue->answered)) != NULL) {
        xk_inflight_release(queue->log, work->slot);
        work->in_use = false;
        queue->stats.inflight--;
        xk_blkif_append(&queue->unused, work);
    }
    if (wants_notice) {
        queue->stats.notifies++;
        xk_guest_notify(queue->worker.guest, 0);
    }
}

bool
xk_blkif_is_drained(const struct xk_blkif_queue *queue)
{
    return queue->ring.header == NULL ||
           (queue->in_engine == 0 && queue->waiting.first == NULL &&
            queue->finished.first == NULL);
}

void
xk_blkif_round(struct xk_blkif_queue *queue)
{
    struct xk_blkif_list taken = {0};

    queue->stats.rounds++;
    if (xk_worker_state(&queue->worker) == XK_WORKER_RUNNING &&
        take(queue, &taken))
        sort_taken(queue, &taken);
    xk_blkif_start_waiting(queue);
    xk_blkif_copy_out(queue);
    answer_finished(queue);
    publish_answers(queue);
}
