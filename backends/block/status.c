/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Write a block device's members of the status on the control socket. */
#include "backends/block/device_internal.h"
#include "base/util.h"
#include "contracts/device.h"

static void
add_stats(const struct xk_device *device, struct xk_blkif_stats *sum)
{
    *sum = (struct xk_blkif_stats){0};
    for (unsigned i = 0; i < xk_device_worker_count(device); i++) {
        struct xk_blkif_stats one = {0};
        const uint64_t *from = (const uint64_t *)&one;
        uint64_t *to = (uint64_t *)sum;

        xk_blkif_queue_stats(xk_device_worker(device, i), &one);
        for (size_t k = 0; k < sizeof(one) / sizeof(*to); k++)
            to[k] += from[k];
    }
}

static void
put_stats(struct xk_json_writer *writer, const struct xk_blkif_stats *stats)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {XK_STATUS_READ_REQUESTS, stats->read_requests},
        {XK_STATUS_READ_BYTES, stats->read_bytes},
        {XK_STATUS_WRITE_REQUESTS, stats->write_requests},
        {XK_STATUS_WRITE_BYTES, stats->write_bytes},
        {XK_STATUS_FLUSH_REQUESTS, stats->flush_requests},
        {XK_STATUS_DISCARD_REQUESTS, stats->discard_requests},
        {XK_STATUS_ERRORS, stats->errors},
        {XK_STATUS_INFLIGHT, stats->inflight},
        {"events", stats->events},
        {"empty_events", stats->empty_events},
        {"notifies", stats->notifies},
        {"copy_calls", stats->copy_calls},
        {"rounds", stats->rounds},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++)
        xk_json_put_integer(writer, rows[i].name, (int64_t)rows[i].value);
}

void
xk_block_put_status(struct xk_device *device, struct xk_json_writer *writer)
{
    const struct xk_block *block = xk_block_of(device);
    const struct xk_blkif_ring_id *ring = &block->front.rings[0];
    bool has_rings = block->front.queues > 0;
    struct xk_blkif_stats stats;

    add_stats(device, &stats);
    xk_json_put_bool(writer, XK_STATUS_POISONED, block->blkif.poisoned);
    xk_json_put_integer(writer, XK_STATUS_QUEUES, block->front.queues);
    xk_json_put_integer(writer, "ring_pages", has_rings ? ring->pages : 0);
    xk_json_put_string(
        writer, "protocol",
        has_rings ? xk_blkif_abi_name((enum xk_blkif_abi)ring->abi) : NULL);
    xk_json_put_string(writer, "mode", "copy");
    xk_json_put_integer(
        writer, XK_STATUS_IMAGE_BYTES,
        (int64_t)(block->blkif.limits.sectors * XK_BLKIF_SECTOR_BYTES));
    put_stats(writer, &stats);
}
