/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Write a block device's members of the status on the control socket. */
#include "backends/block/device_internal.h"

#include <assert.h>
#include "base/util.h"
#include "contracts/disk.h"

#define COUNT(name, member)                                                    \
    {                                                                          \
        name, offsetof(struct xk_blkif_stats, member)                          \
    }

static const struct xk_device_count counts[] = {
    COUNT(XK_STATUS_READ_REQUESTS, read_requests),
    COUNT(XK_STATUS_READ_BYTES, read_bytes),
    COUNT(XK_STATUS_WRITE_REQUESTS, write_requests),
    COUNT(XK_STATUS_WRITE_BYTES, write_bytes),
    COUNT(XK_STATUS_FLUSH_REQUESTS, flush_requests),
    COUNT(XK_STATUS_DISCARD_REQUESTS, discard_requests),
    COUNT(XK_STATUS_ERRORS, errors),
    COUNT(XK_STATUS_INFLIGHT, inflight),
    COUNT("events", events),
    COUNT("empty_events", empty_events),
    COUNT("notifies", notifies),
    COUNT("copy_calls", copy_calls),
    COUNT("rounds", rounds),
};
static_assert(sizeof(struct xk_blkif_stats) <=
                  XK_DEVICE_COUNTS_MAX * sizeof(uint64_t),
              "the counters of a queue have room");

static void
read_counts(const struct xk_worker *worker, void *to)
{
    xk_blkif_queue_stats(worker, (struct xk_blkif_stats *)to);
}

void
xk_block_put_status(struct xk_device *device, struct xk_json_writer *writer)
{
    const struct xk_block *block = xk_block_of(device);
    const struct xk_blkif_ring_id *ring = &block->front.rings[0];
    bool has_rings = block->front.queues > 0;

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
    xk_device_put_counts(device, writer, read_counts, counts,
                         XK_ARRAY_SIZE(counts));
}
