/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Write the nodes by which a block device describes itself to its frontend.
 *
 * Source: xen/include/public/io/blkif.h.
 */
#include "backends/block/device_internal.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    INFO_CDROM = 1,     /* VDISK_CDROM */
    INFO_READ_ONLY = 4, /* VDISK_READONLY */
};

static unsigned
info_bits(const struct xk_block *block)
{
    return (block->config.cdrom ? INFO_CDROM : 0u) |
           (block->blkif.limits.read_only ? INFO_READ_ONLY : 0u);
}

int
xk_block_advertise(struct xk_device *device, uint32_t tx,
                   struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_block *block = xk_block_of(device);
    const struct xk_engine *engine = block->blkif.engine;
    const struct xk_blkif_limits *limits = &block->blkif.limits;
    const struct xk_device_number nodes[] = {
        {"max-ring-page-order", block->offer.ring_order},
        {"multi-queue-max-queues", block->offer.queues},
        {"feature-max-indirect-segments", block->offer.segments},
        {"feature-flush-cache", 1},
        {"feature-barrier", 0},
        {"feature-persistent", 0},
        {"feature-discard", limits->discard},
        {"discard-granularity", engine->discard_granularity},
        {"discard-alignment", 0},
        {"discard-secure", 0},
        {"sectors", limits->sectors},
        {"sector-size", XK_BLKIF_SECTOR_BYTES},
        {"physical-sector-size", engine->physical_bytes},
        {"info", info_bits(block)},
    };

    return xk_device_put_numbers(device, tx, nodes, XK_ARRAY_SIZE(nodes),
                                 deadline, err);
}

static int
put_size(struct xk_device *device, uint32_t tx, struct xk_deadline deadline,
         struct xk_error *err)
{
    return xk_device_put_number(device, tx, "sectors",
                                xk_block_of(device)->blkif.limits.sectors,
                                deadline, err);
}

int
xk_block_write_size(struct xk_device *device, struct xk_error *err)
{
    return xk_device_publish(device, put_size, err);
}

int
xk_block_correct_size(struct xk_device *device, struct xk_error *err)
{
    const struct xk_block *block = xk_block_of(device);
    XK_CLEANUP_FREE char *node =
        xk_asprintf("%s/sectors", block->config.device.backend);
    struct xk_store *store = xk_device_store(device);
    uint64_t told = 0;

    if (store == NULL)
        return 0;
    if (xk_store_read_u64(store, XK_STORE_NO_TX, node, UINT64_MAX, &told,
                          xk_device_store_deadline(), err) == -1)
        return err->kind == XK_ERR_NOT_FOUND ? 0 : -1;
    return told == block->blkif.limits.sectors
               ? 0
               : xk_block_write_size(device, err);
}
