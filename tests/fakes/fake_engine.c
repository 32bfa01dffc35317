/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/fake_engine.h"

#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

static void
submit(struct xk_engine_queue *queue, struct xk_io *io)
{
    static const char letters[] = {'R', 'W', 'F', 'D'};
    struct fake_engine *fake = (struct fake_engine *)queue->engine;
    int error;

    pthread_mutex_lock(&fake->lock);
    if (fake->count + 1 < sizeof(fake->seen))
        fake->seen[fake->count++] = letters[io->kind];
    if (fake->hold && fake->held_count < FAKE_ENGINE_HELD_MAX) {
        fake->held[fake->held_count++] = io;
        pthread_mutex_unlock(&fake->lock);
        return;
    }
    error = fake->fail_next;
    fake->fail_next = 0;
    pthread_mutex_unlock(&fake->lock);
    if (io->kind == XK_IO_READ)
        memset(io->iov->iov_base, 0x77, io->iov->iov_len);
    io->done(io, error);
}

static void
wait_for_release(struct fake_engine *fake, struct xk_loop *loop)
{
    struct io_uring_sqe *sqe = xk_loop_sqe(loop);

    io_uring_prep_read(sqe, fake->release_fd, &fake->release_value,
                       sizeof(fake->release_value), 0);
    xk_loop_start(loop, sqe, &fake->release_op);
}

static void
released(struct xk_loop_op *op, int result)
{
    struct fake_engine *fake =
        (struct fake_engine *)((char *)op -
                               offsetof(struct fake_engine, release_op));
    struct xk_io *ios[FAKE_ENGINE_HELD_MAX];
    size_t count;

    (void)result;
    pthread_mutex_lock(&fake->lock);
    count = fake->held_count;
    memcpy(ios, fake->held, count * sizeof(ios[0]));
    fake->held_count = 0;
    pthread_mutex_unlock(&fake->lock);
    for (size_t i = 0; i < count; i++) {
        struct xk_io *io = ios[fake->backwards ? count - 1 - i : i];

        io->done(io, 0);
    }
}

static struct xk_engine_queue *
open_queue(struct xk_engine *engine, struct xk_loop *loop, struct xk_error *err)
{
    (void)err;
    wait_for_release((struct fake_engine *)engine, loop);
    return XK_NEW(struct xk_engine_queue);
}

static void
close_queue(struct xk_engine_queue *queue)
{
    free(queue);
}

static int
measure(struct xk_engine *engine, uint64_t *bytes, struct xk_error *err)
{
    (void)err;
    *bytes = ((struct fake_engine *)engine)->bytes;
    return 0;
}

static void
close_engine(struct xk_engine *engine)
{
    struct fake_engine *fake = (struct fake_engine *)engine;

    close(fake->release_fd);
    pthread_mutex_destroy(&fake->lock);
    free(fake);
}

static const struct xk_engine_ops fake_ops = {
    .open_queue = open_queue,
    .close_queue = close_queue,
    .submit = submit,
    .measure = measure,
    .close = close_engine,
};

struct fake_engine *
fake_engine_new(uint64_t bytes)
{
    struct fake_engine *fake = XK_NEW(struct fake_engine);

    fake->base = (struct xk_engine){.ops = &fake_ops,
                                    .bytes = bytes,
                                    .physical_bytes = 512,
                                    .discard = true};
    fake->bytes = bytes;
    fake->release_fd = eventfd(0, EFD_CLOEXEC);
    fake->release_op.done = released;
    pthread_mutex_init(&fake->lock, NULL);
    return fake;
}

const char *
fake_engine_seen(struct fake_engine *fake)
{
    return fake->seen;
}

bool
fake_engine_wait(struct fake_engine *fake, size_t count)
{
    for (int ms = 0; ms < 20000; ms++) {
        size_t now;

        pthread_mutex_lock(&fake->lock);
        now = fake->count;
        pthread_mutex_unlock(&fake->lock);
        if (now >= count)
            return true;
        poll(NULL, 0, 1);
    }
    return false;
}

void
fake_engine_release(struct fake_engine *fake)
{
    uint64_t one = 1;

    fake->hold = false;
    if (write(fake->release_fd, &one, sizeof(one)) != sizeof(one))
        abort();
}
