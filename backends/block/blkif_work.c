/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Check a request that was taken from the ring, and finish it. */
#include "backends/block/blkif_internal.h"

void
xk_blkif_release_buffer(struct xk_blkif_work *work)
{
    if (work->pool_pages > 0)
        xk_pool_put(&work->queue->pool, work->buffer, work->pool_pages);
    work->pool_pages = 0;
    work->buffer = NULL;
}

void
xk_blkif_finish(struct xk_blkif_work *work, int16_t status)
{
    work->status = status;
    if (status != XK_BLKIF_OK)
        work->copy_out = false;
    xk_blkif_append(&work->queue->finished, work);
}

static void
count_request(struct xk_blkif_stats *stats,
              const struct xk_blkif_request *request)
{
    uint64_t bytes = request->sectors * XK_BLKIF_SECTOR_BYTES;

    switch (request->operation) {
    case XK_BLKIF_OP_READ:
        stats->read_requests++;
        stats->read_bytes += bytes;
        break;
    case XK_BLKIF_OP_WRITE:
        stats->write_requests++;
        stats->write_bytes += bytes;
        break;
    case XK_BLKIF_OP_FLUSH:
        stats->flush_requests++;
        break;
    default:
        stats->discard_requests++;
        break;
    }
}

/* After a failed flush, accept only flushes, which are held like the first. */
void
xk_blkif_admit(struct xk_blkif_work *work)
{
    struct xk_blkif_queue *queue = work->queue;
    struct xk_blkif_limits limits = queue->device->limits;
    int status;

    limits.sectors =
        __atomic_load_n(&queue->device->limits.sectors, __ATOMIC_RELAXED);
    status = xk_blkif_check(&work->request, &limits);
    if (status == XK_BLKIF_OK && queue->device->poisoned &&
        work->request.operation != XK_BLKIF_OP_FLUSH)
        status = XK_BLKIF_ERROR;
    if (status != XK_BLKIF_OK) {
        xk_blkif_finish(work, (int16_t)status);
        return;
    }
    count_request(&queue->stats, &work->request);
    xk_blkif_append(&queue->waiting, work);
}
