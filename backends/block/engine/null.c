/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Engines without an image: one reads zeros, one is a drive without a medium.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/block/engine/engine.h"
#include "base/mem.h"

struct null_engine {
    struct xk_engine base;
    uint64_t bytes;
};

static void
submit(struct xk_engine_queue *queue, struct xk_io *io)
{
    if (queue->engine->bytes == 0) {
        io->done(io, EIO);
        return;
    }
    if (io->kind == XK_IO_READ) {
        for (unsigned i = 0; i < io->iov_count; i++)
            memset(io->iov[i].iov_base, 0, io->iov[i].iov_len);
    }
    io->done(io, 0);
}

static struct xk_engine_queue *
open_queue(struct xk_engine *engine, struct xk_loop *loop, struct xk_error *err)
{
    (void)engine, (void)loop, (void)err;
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
    *bytes = ((struct null_engine *)engine)->bytes;
    return 0;
}

static void
close_engine(struct xk_engine *engine)
{
    free(engine);
}

static const struct xk_engine_ops null_ops = {
    .open_queue = open_queue,
    .close_queue = close_queue,
    .submit = submit,
    .measure = measure,
    .close = close_engine,
};

struct xk_engine *
xk_empty_engine_new(void)
{
    struct null_engine *null = XK_NEW(struct null_engine);

    null->base = (struct xk_engine){.ops = &null_ops,
                                    .physical_bytes = 512,
                                    .discard_granularity = 512,
                                    .read_only = true};
    return &null->base;
}

struct xk_engine *
xk_null_engine_open(const struct xk_engine_options *options,
                    struct xk_error *err)
{
    struct null_engine *null = XK_NEW(struct null_engine);

    null->base = (struct xk_engine){
        .ops = &null_ops,
        .physical_bytes = 512,
        .discard_granularity = 512,
        .read_only = options->read_only,
        .discard = options->discard && !options->read_only,
    };
    null->bytes = options->null_bytes;
    if (xk_engine_measure(&null->base, err) == -1) {
        free(null);
        xk_wrap(err, "null disk");
        return NULL;
    }
    return &null->base;
}
