/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a block device answers on its control socket. */
#include <string.h>

#include "backends/life/device_internal.h"
#include "base/cleanup.h"
#include "base/util.h"

static void
add_stats(const struct xk_block *block, struct xk_blkif_stats *sum)
{
    memset(sum, 0, sizeof(*sum));
    for (unsigned i = 0; i < block->queue_count; i++) {
        struct xk_blkif_stats one = {0};
        const uint64_t *from = (const uint64_t *)&one;
        uint64_t *to = (uint64_t *)sum;

        xk_blkif_queue_stats(block->queues[i], &one);
        for (size_t k = 0; k < sizeof(one) / sizeof(*to); k++)
            to[k] += from[k];
    }
}

static const char *
state_word(const struct xk_block *block)
{
    if (block->phase == XK_BLOCK_DRAINING)
        return "draining";
    if (block->phase == XK_BLOCK_SERVING && block->state == XK_XENBUS_CONNECTED)
        return "connected";
    if (block->reason[0] != '\0')
        return "stopped";
    if (block->state == XK_XENBUS_CLOSED)
        return "closed";
    return block->state == XK_XENBUS_CLOSING ? "closing" : "waiting";
}

static void
put_stats(struct xk_json_writer *writer, const struct xk_blkif_stats *stats)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"read_requests", stats->read_requests},
        {"read_bytes", stats->read_bytes},
        {"write_requests", stats->write_requests},
        {"write_bytes", stats->write_bytes},
        {"flush_requests", stats->flush_requests},
        {"discard_requests", stats->discard_requests},
        {"errors", stats->errors},
        {"inflight", stats->inflight},
        {"events", stats->events},
        {"empty_events", stats->empty_events},
        {"notifies", stats->notifies},
        {"copy_calls", stats->copy_calls},
        {"rounds", stats->rounds},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++)
        xk_json_put_integer(writer, rows[i].name, (int64_t)rows[i].value);
}

static void
answer_status(struct xk_block *block, struct xk_json_writer *writer)
{
    const struct xk_blkif_ring_id *ring = &block->front.rings[0];
    bool has_rings = block->front.queues > 0;
    struct xk_blkif_stats stats;

    add_stats(block, &stats);
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "state", state_word(block));
    xk_json_put_string(writer, "reason",
                       block->reason[0] != '\0' ? block->reason : NULL);
    xk_json_put_bool(writer, "poisoned", block->device.poisoned);
    xk_json_put_integer(writer, "queues", block->front.queues);
    xk_json_put_integer(writer, "ring_pages", has_rings ? ring->pages : 0);
    xk_json_put_string(
        writer, "protocol",
        has_rings ? xk_blkif_abi_name((enum xk_blkif_abi)ring->abi) : NULL);
    xk_json_put_string(writer, "mode", "copy");
    xk_json_put_integer(
        writer, "image_bytes",
        (int64_t)(block->device.limits.sectors * XK_BLKIF_SECTOR_BYTES));
    put_stats(writer, &stats);
    xk_json_close_object(writer);
}

static void
put_error(struct xk_json_writer *writer, const struct xk_error *err)
{
    xk_json_open_object(writer, NULL);
    xk_json_open_object(writer, "error");
    xk_json_put_error(writer, err);
    xk_json_close_object(writer);
    xk_json_close_object(writer);
}

static int
resize(struct xk_block *block, struct xk_error *err)
{
    if (xk_engine_measure(block->device.engine, err) == -1)
        return -1;
    __atomic_store_n(&block->device.limits.sectors,
                     block->device.engine->bytes / XK_BLKIF_SECTOR_BYTES,
                     __ATOMIC_RELAXED);
    return xk_block_write_size(block, err);
}

static int
stop(struct xk_block *block, struct xk_error *err)
{
    (void)err;
    xk_block_stop(block);
    return 0;
}

static int
leave(struct xk_block *block, struct xk_error *err)
{
    (void)err;
    xk_block_leave(block);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(struct xk_block *block, struct xk_error *err);
} orders[] = {
    {"leave", leave},
    {"resize", resize},
    {"stop", stop},
};

static int
run_order(struct xk_block *block, const struct xk_json *asked,
          struct xk_error *err)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(orders); i++) {
        if (xk_json_is_true(xk_json_get(asked, orders[i].name)))
            return orders[i].run(block, err);
    }
    return xk_fail(err, XK_ERR_USAGE,
                   "ask {\"query\":\"status\"}, {\"resize\":true}, "
                   "{\"stop\":true} or {\"leave\":true}");
}

static void
answer_order(struct xk_block *block, const struct xk_json *asked,
             struct xk_json_writer *writer)
{
    struct xk_error err;

    if (run_order(block, asked, &err) == -1)
        put_error(writer, &err);
    else
        answer_status(block, writer);
}

void
xk_block_answer(void *context, const struct xk_json *asked,
                struct xk_buf *answer)
{
    struct xk_block *block = (struct xk_block *)context;
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(answer, false);
    const char *query = xk_json_string(xk_json_get(asked, "query"));

    if (query != NULL && strcmp(query, "status") == 0)
        answer_status(block, writer);
    else
        answer_order(block, asked, writer);
}
