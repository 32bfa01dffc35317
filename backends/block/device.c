/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/device.h"

#include <linux/fs.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/block/device_internal.h"
#include "backends/life/jail.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "contracts/disk.h"

/* ---- opened and closed ---- */

static int
configure(struct xk_device *device, const char *dir, struct xk_error *err)
{
    struct xk_block *block = XK_NEW(struct xk_block);

    block->flusher_fd = -1;
    if (xk_block_config_read(dir, &block->config, err) == -1) {
        free(block);
        return -1;
    }
    xk_device_set(device, block, &block->config.device, block->config.vdev);
    return 0;
}

static struct xk_worker *
make_queue(struct xk_device *device, struct xk_guest *guest, unsigned number,
           struct xk_error *err)
{
    return xk_blkif_queue_new(&xk_block_of(device)->blkif, guest, number, err);
}

static int
open_device(struct xk_device *device, const char *dir, struct xk_error *err)
{
    struct xk_block *block = xk_block_of(device);

    block->blkif.changed_fd = xk_device_changed_fd(device);
    if (xk_block_open_image(block, dir, err) == -1)
        return -1;
    return xk_device_add_workers(device, block->offer.queues, make_queue, err);
}

static void
close_device(struct xk_device *device, bool served)
{
    struct xk_block *block = xk_block_of(device);

    xk_block_close_image(block, served);
    xk_block_config_free(&block->config);
    free(block);
}

static void
begin(struct xk_device *device)
{
    xk_inflight_set_settled(xk_block_of(device)->blkif.log, false);
}

/* ---- its frontend ---- */

static int
read_front(struct xk_device *device, struct xk_error *err)
{
    struct xk_block *block = xk_block_of(device);

    if (xk_front_read(xk_device_store(device), block->config.device.frontend,
                      &block->offer, &block->offered,
                      xk_device_store_deadline(), err) == -1)
        return -1;
    return memcmp(&block->offered, &block->front, sizeof(block->front)) != 0;
}

static bool
log_is_of(const struct xk_block *block, unsigned queue)
{
    return xk_inflight_is_of(xk_inflight_queue(block->blkif.log, queue),
                             &block->offered.rings[queue]);
}

/* The log must tell all about these rings. A part that is open for another ring
 * does not tell which requests were taken from this one, and a new log tells
 * nothing. */
static const char *
check_take_over(struct xk_device *device)
{
    static const char obstacle[] = "the frontend is connected, but the "
                                   "in-flight log is not of its rings";
    const struct xk_block *block = xk_block_of(device);

    for (unsigned i = 0; i < block->offered.queues; i++) {
        if (xk_inflight_is_open(xk_inflight_queue(block->blkif.log, i)) &&
            !log_is_of(block, i))
            return obstacle;
    }
    return xk_inflight_is_new(block->blkif.log) ? obstacle : NULL;
}

/* In a take-over, take over each ring that has a part of the log, and begin any
 * other. */
static unsigned
connect_queues(struct xk_device *device, bool take_over)
{
    struct xk_block *block = xk_block_of(device);

    block->front = block->offered;
    for (unsigned i = 0; i < block->front.queues; i++)
        xk_blkif_queue_connect(xk_device_worker(device, i),
                               &block->front.rings[i],
                               take_over && log_is_of(block, i));
    return block->front.queues;
}

static void
describe(const struct xk_device *device, char *text, size_t size)
{
    const struct xk_blkif_front *front = &xk_block_of(device)->front;

    snprintf(text, size, "%u queues, %u pages each, %s", front->queues,
             front->rings[0].pages,
             xk_blkif_abi_name((enum xk_blkif_abi)front->rings[0].abi));
}

static void
disconnected(struct xk_device *device)
{
    struct xk_block *block = xk_block_of(device);

    memset(&block->front, 0, sizeof(block->front));
}

static enum xk_device_health
health(const struct xk_device *device, const char **reason)
{
    const struct xk_blkif_device *blkif = &xk_block_of(device)->blkif;

    if (blkif->lost) {
        *reason = "the process that serves the image is gone";
        return XK_DEVICE_LOST;
    }
    if (blkif->poisoned) {
        *reason = "the image has lost what was written: a flush failed, or "
                  "its server died";
        return XK_DEVICE_SPOILT;
    }
    return XK_DEVICE_SOUND;
}

/* ---- orders ---- */

static int
resize(struct xk_device *device, struct xk_error *err)
{
    struct xk_blkif_device *blkif = &xk_block_of(device)->blkif;

    if (xk_engine_measure(blkif->engine, err) == -1)
        return -1;
    __atomic_store_n(&blkif->limits.sectors,
                     blkif->engine->bytes / XK_BLKIF_SECTOR_BYTES,
                     __ATOMIC_RELAXED);
    return xk_block_write_size(device, err);
}

static const struct xk_device_order orders[] = {
    {XK_ORDER_RESIZE, resize},
};

/* ---- system calls in the jail ---- */

static const int calls[] = {
    /* the image */
    SCMP_SYS(preadv),
    SCMP_SYS(pwritev),
    SCMP_SYS(fstatfs),
    /* NBD */
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(shutdown),
};

static const unsigned long ioctls[] = {BLKGETSIZE64};

static const struct xk_jail_calls jail_calls = {
    calls,
    XK_ARRAY_SIZE(calls),
    ioctls,
    XK_ARRAY_SIZE(ioctls),
};

const struct xk_device_kind xk_block_kind = {
    .name = XK_DEVICE_BLOCK,
    .behind = "the image",
    .calls = &jail_calls,
    .configure = configure,
    .open = open_device,
    .begin = begin,
    .advertise = xk_block_advertise,
    .read_front = read_front,
    .check_take_over = check_take_over,
    .connect = connect_queues,
    .describe = describe,
    .correct = xk_block_correct_size,
    .disconnected = disconnected,
    .health = health,
    .orders = orders,
    .order_count = XK_ARRAY_SIZE(orders),
    .put_status = xk_block_put_status,
    .close = close_device,
};
