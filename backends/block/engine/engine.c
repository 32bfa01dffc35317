/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/engine/engine.h"

#include <stddef.h>

enum {
    SECTOR_BYTES = 512
};

void
xk_engine_close(struct xk_engine *engine)
{
    if (engine != NULL)
        engine->ops->close(engine);
}

struct xk_engine_queue *
xk_engine_open_queue(struct xk_engine *engine, struct xk_loop *loop,
                     struct xk_error *err)
{
    struct xk_engine_queue *queue = engine->ops->open_queue(engine, loop, err);

    if (queue != NULL) {
        queue->engine = engine;
        queue->loop = loop;
    }
    return queue;
}

void
xk_engine_close_queue(struct xk_engine_queue *queue)
{
    if (queue != NULL)
        queue->engine->ops->close_queue(queue);
}

void
xk_io_submit(struct xk_engine_queue *queue, struct xk_io *io)
{
    io->queue = queue;
    io->left = io->length;
    io->tries = 0;
    queue->engine->ops->submit(queue, io);
}

void *
xk_engine_window(struct xk_engine *engine, uint64_t offset, uint64_t length)
{
    if (engine->ops->window == NULL)
        return NULL;
    return engine->ops->window(engine, offset, length);
}

int
xk_engine_measure(struct xk_engine *engine, struct xk_error *err)
{
    uint64_t bytes = 0;

    if (engine->ops->measure(engine, &bytes, err) == -1)
        return -1;
    if (bytes == 0 || bytes % SECTOR_BYTES != 0)
        return xk_fail(err, XK_ERR_CONFIG,
                       "its size, %llu bytes, is not a multiple of %d above 0",
                       (unsigned long long)bytes, SECTOR_BYTES);
    __atomic_store_n(&engine->bytes, bytes, __ATOMIC_RELAXED);
    return 0;
}

int
xk_engine_image_fd(const struct xk_engine *engine)
{
    return engine->ops->image_fd == NULL ? -1 : engine->ops->image_fd(engine);
}
