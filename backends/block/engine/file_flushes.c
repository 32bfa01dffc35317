/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works. One flush is in flight at a time; requests that arrive in the
 * meantime wait in "next", and one later flush serves all of them. A flush asks
 * the flusher by a write and a read on its socket, both on the io_uring. If the
 * flusher had ended before it was asked, the queue flushes by itself from then
 * on. If it ends after it was asked, the result is unknown and the flush fails.
 */
#include "backends/block/engine/file_flushes.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/block/engine/flusher.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    TRIES_MAX = 1000, /* to talk to the flusher */
};

struct xk_file_flushes {
    struct xk_engine *engine;
    struct xk_loop *loop;
    int flush_fd; /* socket of the flusher; -1: the queue flushes itself */
    char word;
    unsigned tries;
    int32_t answer;
    int sync_fd; /* one per queue: the kernel reports a loss once to each
                    open file description */
    _Atomic unsigned *asking;
    struct xk_loop_op op;
    struct xk_io *flushing, *next; /* chained by xk_io.next */
};

static void finish_flush(struct xk_loop_op *op, int result);
static void was_flushed(struct xk_loop_op *op, int result);
static void await_answer(struct xk_file_flushes *flushes);
static void send_question(struct xk_file_flushes *flushes);

static void
flush_ourselves(struct xk_file_flushes *flushes)
{
    struct io_uring_sqe *sqe = xk_loop_sqe(flushes->loop);

    io_uring_prep_fsync(sqe, flushes->sync_fd, IORING_FSYNC_DATASYNC);
    flushes->op.done = was_flushed;
    xk_loop_start(flushes->loop, sqe, &flushes->op);
}

static struct xk_file_flushes *
flushes_of(struct xk_loop_op *op)
{
    return XK_CONTAINER_OF(op, struct xk_file_flushes, op);
}

/* The queue has flushed by itself. While another queue still waits for the
 * flusher's answer, our success must not count, because it could hide that the
 * other queue's flush was lost with the flusher: flush again. The flush also
 * fails if the flusher still owed the result of an earlier backend's flush. */
static void
was_flushed(struct xk_loop_op *op, int result)
{
    struct xk_file_flushes *flushes = flushes_of(op);

    if (result == 0 && *flushes->asking > 0)
        flush_ourselves(flushes);
    else
        finish_flush(op, result == 0 && flushes->engine->owed ? -EIO : result);
}

static void
finish_asking(struct xk_file_flushes *flushes, int result)
{
    finish_flush(&flushes->op, result);
    (*flushes->asking)--;
}

static bool
should_retry(struct xk_file_flushes *flushes, int result)
{
    return (result == -EINTR || result == -EAGAIN) &&
           ++flushes->tries < TRIES_MAX;
}

/* The flusher has answered. If it ended instead, the result is lost, which
 * counts as a failure. */
static void
was_answered(struct xk_loop_op *op, int result)
{
    struct xk_file_flushes *flushes = flushes_of(op);

    if (should_retry(flushes, result)) {
        await_answer(flushes);
        return;
    }
    if (result == sizeof(flushes->answer))
        flushes->engine->owed = false;
    finish_asking(flushes,
                  result == sizeof(flushes->answer) ? -flushes->answer : -EIO);
}

static void
await_answer(struct xk_file_flushes *flushes)
{
    struct io_uring_sqe *sqe = xk_loop_sqe(flushes->loop);

    io_uring_prep_read(sqe, flushes->flush_fd, &flushes->answer,
                       sizeof(flushes->answer), 0);
    flushes->op.done = was_answered;
    xk_loop_start(flushes->loop, sqe, &flushes->op);
}

/* The request was sent, or not. If the flusher had ended before, flush without
 * it. Any other error does not mean that it has ended, and it may know of a
 * failure: then the flush fails. */
static void
was_asked(struct xk_loop_op *op, int result)
{
    struct xk_file_flushes *flushes = flushes_of(op);

    if (result == sizeof(flushes->word)) {
        await_answer(flushes);
    } else if (should_retry(flushes, result)) {
        send_question(flushes);
    } else if (xk_flusher_is_gone(-result)) {
        close(flushes->flush_fd);
        flushes->flush_fd = -1;
        (*flushes->asking)--;
        flush_ourselves(flushes);
    } else {
        finish_asking(flushes, result < 0 ? result : -EIO);
    }
}

static void
send_question(struct xk_file_flushes *flushes)
{
    struct io_uring_sqe *sqe = xk_loop_sqe(flushes->loop);

    flushes->word = XK_FLUSHER_FLUSH;
    io_uring_prep_write(sqe, flushes->flush_fd, &flushes->word,
                        sizeof(flushes->word), 0);
    flushes->op.done = was_asked;
    xk_loop_start(flushes->loop, sqe, &flushes->op);
}

static void
ask_flusher(struct xk_file_flushes *flushes)
{
    (*flushes->asking)++;
    flushes->tries = 0;
    send_question(flushes);
}

static void
start_flushes(struct xk_file_flushes *flushes)
{
    flushes->flushing = flushes->next;
    flushes->next = NULL;
    if (flushes->flush_fd != -1)
        ask_flusher(flushes);
    else
        flush_ourselves(flushes);
}

static void
finish_flush(struct xk_loop_op *op, int result)
{
    struct xk_file_flushes *flushes = flushes_of(op);
    struct xk_io *io = flushes->flushing;

    flushes->flushing = NULL;
    while (io != NULL) {
        struct xk_io *next = io->next;

        io->done(io, result < 0 ? -result : 0);
        io = next;
    }
    if (flushes->next != NULL && flushes->flushing == NULL)
        start_flushes(flushes);
}

void
xk_file_flushes_add(struct xk_file_flushes *flushes, struct xk_io *io)
{
    io->next = flushes->next;
    flushes->next = io;
    if (flushes->flushing == NULL)
        start_flushes(flushes);
}

struct xk_file_flushes *
xk_file_flushes_new(struct xk_engine *engine, struct xk_loop *loop, int fd,
                    _Atomic unsigned *asking, struct xk_error *err)
{
    struct xk_file_flushes *flushes = XK_NEW(struct xk_file_flushes);

    *flushes = (struct xk_file_flushes){.engine = engine,
                                        .loop = loop,
                                        .flush_fd = -1,
                                        .sync_fd = fd,
                                        .asking = asking};
    if (engine->flusher == NULL ||
        (flushes->flush_fd = xk_flusher_connect(engine->flusher, err)) != -1)
        return flushes;
    xk_file_flushes_free(flushes);
    return NULL;
}

void
xk_file_flushes_free(struct xk_file_flushes *flushes)
{
    if (flushes == NULL)
        return;
    if (flushes->flush_fd != -1)
        close(flushes->flush_fd);
    close(flushes->sync_fd);
    free(flushes);
}
