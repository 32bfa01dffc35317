/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Move the data of requests between the guest's pages and the engine.
 *
 * How it works. A request gets a buffer: pages of the pool, or, if the image is
 * memory, the image's own bytes ("window"). The data of a write is copied from
 * the guest into the buffer and then submitted; the data of a read is submitted
 * first and then copied to the guest. With a window the copy is the I/O, and
 * nothing is submitted. Copies of many requests are collected and made with one
 * call. If that call fails as a whole, a window is to blame, and its requests
 * start once more with a buffer of the pool.
 *
 * FLUSH with data flushes first and then writes. A flush that fails poisons the
 * device and is never answered (hold_flush()).
 */
#include <errno.h>

#include "backends/block/blkif_internal.h"
#include "base/util.h"

static bool
is_poisoned(const struct xk_blkif_queue *queue)
{
    return queue->device->poisoned;
}

/* Do not answer a failed flush: success would be false, and Linux takes an
 * error for "not supported" and never flushes again. */
static void
hold_flush(struct xk_blkif_work *work)
{
    struct xk_blkif_queue *queue = work->queue;

    queue->held++;
    xk_blkif_release_buffer(work);
    if (!queue->device->poisoned) {
        xk_inflight_set_poisoned(queue->device->log, true);
        queue->device->poisoned = true;
        xk_worker_tell(&queue->worker);
    }
}

/* Do not answer the request, so that it stays in the log. */
static void
leave_undone(struct xk_blkif_work *work)
{
    struct xk_blkif_device *device = work->queue->device;

    work->queue->held++;
    if (!device->lost) {
        device->lost = true;
        xk_worker_tell(&work->queue->worker);
    }
}

/* Note writes and flushes, if a server process keeps unflushed writes: they are
 * lost if that process ends. */
static void
note_done(const struct xk_blkif_work *work, enum xk_io_kind kind, int error)
{
    struct xk_blkif_device *device = work->queue->device;

    if (device->engine->server == 0 || error != 0 || kind == XK_IO_READ)
        return;
    if (kind != XK_IO_FLUSH)
        xk_inflight_note_write(device->log);
    else
        xk_inflight_note_flush(device->log, work->written);
}

static int16_t
status_of(const struct xk_blkif_work *work, int error)
{
    if (error == 0)
        return XK_BLKIF_OK;
    if (work->request.operation == XK_BLKIF_OP_DISCARD &&
        (error == EOPNOTSUPP || error == ENOSYS))
        return XK_BLKIF_NOT_SUPPORTED;
    return XK_BLKIF_ERROR;
}

static void submit_data(struct xk_blkif_work *work);

static void
engine_done(struct xk_io *io, int error)
{
    struct xk_blkif_work *work = XK_CONTAINER_OF(io, struct xk_blkif_work, io);

    work->queue->in_engine--;
    if (error != 0 && work->queue->device->engine->lost) {
        leave_undone(work);
        return;
    }
    note_done(work, io->kind, error);
    if (io->kind == XK_IO_FLUSH && (error != 0 || is_poisoned(work->queue))) {
        hold_flush(work);
        return;
    }
    if (io->kind == XK_IO_FLUSH && xk_blkif_has_data(&work->request)) {
        submit_data(work); /* a flush with data: first flush, then write */
        return;
    }
    xk_blkif_finish(work, status_of(work, error));
}

static void
submit(struct xk_blkif_work *work, enum xk_io_kind kind)
{
    work->io.kind = kind;
    work->io.offset = work->request.sector * XK_BLKIF_SECTOR_BYTES;
    work->io.length = work->request.sectors * XK_BLKIF_SECTOR_BYTES;
    work->io.done = engine_done;
    work->written = xk_inflight_written(work->queue->device->log);
    work->queue->in_engine++;
    xk_io_submit(work->queue->engine, &work->io);
}

static void
submit_data(struct xk_blkif_work *work)
{
    size_t bytes = work->request.sectors * XK_BLKIF_SECTOR_BYTES;

    work->iov = (struct iovec){.iov_base = work->buffer, .iov_len = bytes};
    work->io.iov = &work->iov;
    work->io.iov_count = 1;
    submit(work, work->request.operation == XK_BLKIF_OP_READ ? XK_IO_READ
                                                             : XK_IO_WRITE);
}

/* The request's data has been copied from the guest, into the pool or through
 * the window into the image. */
static void
data_is_in(struct xk_blkif_work *work)
{
    if (work->request.operation == XK_BLKIF_OP_FLUSH)
        submit(work, XK_IO_FLUSH);
    else if (work->pool_pages > 0)
        submit_data(work);
    else
        xk_blkif_finish(work, XK_BLKIF_OK);
}

static void
add_copies(struct xk_blkif_work *work, bool to_guest)
{
    struct xk_blkif_queue *queue = work->queue;
    uint8_t *local = (uint8_t *)work->buffer;

    work->first_copy = queue->copy_count;
    for (unsigned i = 0; i < work->request.segment_count; i++) {
        const struct xk_blkif_segment *segment = &work->request.segments[i];
        unsigned length =
            (segment->last - segment->first + 1u) * XK_BLKIF_SECTOR_BYTES;

        queue->copies[queue->copy_count++] = (struct xk_guest_copy){
            .local = local,
            .gref = segment->gref,
            .offset = (uint16_t)(segment->first * XK_BLKIF_SECTOR_BYTES),
            .length = (uint16_t)length,
            .to_guest = to_guest,
        };
        local += length;
    }
    work->copy_count = queue->copy_count - work->first_copy;
}

static int
run_copies(struct xk_blkif_queue *queue)
{
    unsigned count = queue->copy_count;

    queue->copy_count = 0;
    if (count == 0)
        return 0;
    queue->stats.copy_calls++;
    return xk_guest_copy(queue->worker.guest, queue->copies, count);
}

static bool
copies_are_good(const struct xk_blkif_work *work)
{
    const struct xk_guest_copy *copies = work->queue->copies;

    for (unsigned i = 0; i < work->copy_count; i++) {
        if (copies[work->first_copy + i].status != XK_GUEST_COPY_OK)
            return false;
    }
    return true;
}

/* Continue the requests of one copy call. If the call failed as a whole, a
 * window is to blame (the file system is full, or the image was truncated): its
 * requests are submitted instead, and the engine then reports an error for each
 * of them. */
static void
after_copy_in(struct xk_blkif_queue *queue, struct xk_blkif_list *batch, int rc)
{
    struct xk_blkif_work *work;

    while ((work = xk_blkif_pop(batch)) != NULL) {
        if (rc == 0 && copies_are_good(work))
            data_is_in(work);
        else if (rc == -1 && work->pool_pages == 0) {
            work->no_window = true;
            xk_blkif_append(&queue->waiting, work);
        } else
            xk_blkif_finish(work, XK_BLKIF_ERROR);
    }
}

static void
run_copy_in(struct xk_blkif_queue *queue, struct xk_blkif_list *batch)
{
    int rc = run_copies(queue);

    after_copy_in(queue, batch, rc);
}

/* False: the pool has no buffer at the moment. */
static bool
find_buffer(struct xk_blkif_work *work)
{
    struct xk_blkif_queue *queue = work->queue;
    uint64_t bytes = work->request.sectors * XK_BLKIF_SECTOR_BYTES;
    unsigned pages =
        (unsigned)((bytes + XK_BLKIF_PAGE_BYTES - 1) / XK_BLKIF_PAGE_BYTES);

    if (!work->no_window && work->request.operation != XK_BLKIF_OP_FLUSH)
        work->buffer = xk_engine_window(
            queue->engine->engine, work->request.sector * XK_BLKIF_SECTOR_BYTES,
            bytes);
    if (work->buffer != NULL)
        return true;
    work->buffer = xk_pool_get(&queue->pool, pages);
    if (work->buffer != NULL)
        work->pool_pages = pages;
    return work->buffer != NULL;
}

static void
start_read(struct xk_blkif_work *work)
{
    work->copy_out = true;
    if (work->pool_pages > 0)
        submit_data(work);
    else
        xk_blkif_finish(work, XK_BLKIF_OK);
}

static void
start_without_data(struct xk_blkif_work *work)
{
    submit(work, work->request.operation == XK_BLKIF_OP_DISCARD ? XK_IO_DISCARD
                                                                : XK_IO_FLUSH);
}

/* Start requests in their order until the pool is empty. Requests that a failed
 * window puts back are started in the same call. */
void
xk_blkif_start_waiting(struct xk_blkif_queue *queue)
{
    struct xk_blkif_list batch = {0};
    struct xk_blkif_work *work;

    for (;;) {
        work = queue->waiting.first;
        if (work == NULL ||
            queue->copy_count + work->request.segment_count > XK_BLKIF_COPIES) {
            if (queue->copy_count == 0)
                return;
            run_copy_in(queue, &batch);
            continue;
        }
        if (!xk_blkif_has_data(&work->request)) {
            xk_blkif_pop(&queue->waiting);
            start_without_data(work);
        } else if (!find_buffer(work)) {
            run_copy_in(queue, &batch);
            return;
        } else {
            xk_blkif_pop(&queue->waiting);
            if (work->request.operation == XK_BLKIF_OP_READ) {
                start_read(work);
            } else {
                add_copies(work, false);
                xk_blkif_append(&batch, work);
            }
        }
    }
}

static void
after_copy_out(struct xk_blkif_queue *queue, struct xk_blkif_list *batch,
               struct xk_blkif_list *done, int rc)
{
    struct xk_blkif_work *work;

    while ((work = xk_blkif_pop(batch)) != NULL) {
        work->copy_out = false;
        if (rc == -1 && work->pool_pages == 0) {
            work->no_window = true;
            work->buffer = NULL;
            xk_blkif_append(&queue->waiting, work);
            continue;
        }
        if (rc == -1 || !copies_are_good(work))
            work->status = XK_BLKIF_ERROR;
        xk_blkif_append(done, work);
    }
}

/* Copy the data of finished reads to the guest, so that they can be
 * answered. */
void
xk_blkif_copy_out(struct xk_blkif_queue *queue)
{
    struct xk_blkif_list done = {0}, batch = {0};
    struct xk_blkif_work *work;

    while ((work = xk_blkif_pop(&queue->finished)) != NULL) {
        if (!work->copy_out) {
            xk_blkif_append(&done, work);
            continue;
        }
        if (queue->copy_count + work->request.segment_count > XK_BLKIF_COPIES) {
            int rc = run_copies(queue);

            after_copy_out(queue, &batch, &done, rc);
        }
        add_copies(work, true);
        xk_blkif_append(&batch, work);
    }
    if (batch.first != NULL) {
        int rc = run_copies(queue);

        after_copy_out(queue, &batch, &done, rc);
    }
    queue->finished = done;
}

/* Copy all descriptors once, and then read only the copy. */
void
xk_blkif_fetch_descriptors(struct xk_blkif_queue *queue,
                           struct xk_blkif_list *indirect)
{
    struct xk_blkif_work *work;
    unsigned i = 0;
    int rc;

    for (work = indirect->first; work != NULL; work = work->next, i++)
        queue->copies[queue->copy_count++] = (struct xk_guest_copy){
            .local = queue->descriptors[i],
            .gref = work->request.indirect_grefs[0],
            .length = (uint16_t)(work->request.segment_count *
                                 XK_BLKIF_SEGMENT_BYTES),
        };
    rc = run_copies(queue);
    for (i = 0; (work = xk_blkif_pop(indirect)) != NULL; i++) {
        if (rc == -1 || queue->copies[i].status != XK_GUEST_COPY_OK) {
            xk_blkif_finish(work, XK_BLKIF_ERROR);
            continue;
        }
        xk_blkif_decode_indirect(&work->request, 0, queue->descriptors[i]);
        xk_blkif_admit(work);
    }
}
