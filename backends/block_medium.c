/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The medium of a drive, changed while the guest has it. The queues go over to
 * another engine one by one; in between the device has no size.
 */
#include <poll.h>
#include <unistd.h>

#include "backends/block_inside.h"
#include "base/util.h"

enum {
    SWAP_MS = 3000
};

static bool
is_swapping(const struct xk_block *block)
{
    for (unsigned i = 0; i < block->queue_count; i++) {
        if (xk_blkif_queue_is_swapping(block->queues[i]))
            return true;
    }
    return false;
}

void
xk_block_forget_medium(struct xk_block *block)
{
    if (block->old_engine == NULL || is_swapping(block))
        return;
    xk_engine_close(block->old_engine);
    block->old_engine = NULL;
}

/* What else the queues report meanwhile is looked at as well. */
static int
await_swap(struct xk_block *block, struct xk_error *err)
{
    struct xk_deadline deadline = xk_deadline_in_ms(SWAP_MS);
    uint64_t value;

    while (is_swapping(block)) {
        if (xk_deadline_poll(deadline, block->device.changed_fd, POLLIN,
                             "the medium in the drive", err) == -1)
            return -1;
        (void)!read(block->device.changed_fd, &value, sizeof(value));
        if (xk_block_queues_changed(block, err) == -1)
            return -1;
    }
    xk_block_forget_medium(block);
    return 0;
}

static void
set_size(struct xk_block *block, uint64_t bytes)
{
    __atomic_store_n(&block->device.limits.sectors,
                     bytes / XK_BLKIF_SECTOR_BYTES, __ATOMIC_RELAXED);
}

static int
check_drive(const struct xk_block *block, struct xk_error *err)
{
    if (!block->config.cdrom)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "\"%s\" is a disk: only a drive's medium can be changed",
                       block->config.vdev);
    if (block->old_engine != NULL)
        return xk_fail(err, XK_ERR_BUSY,
                       "the medium in the drive is still being read");
    return 0;
}

static int
change(struct xk_block *block, struct xk_engine *engine, struct xk_error *err)
{
    set_size(block, 0);
    block->old_engine = block->device.engine;
    block->device.engine = engine;
    for (unsigned i = 0; i < block->queue_count; i++)
        xk_blkif_queue_swap(block->queues[i], engine);
    if (await_swap(block, err) == -1)
        return -1;
    set_size(block, engine->bytes);
    return xk_block_write_size(block, err);
}

int
xk_block_eject(struct xk_block *block, struct xk_error *err)
{
    if (check_drive(block, err) == -1)
        return -1;
    return change(block, xk_empty_engine_new(), err);
}

int
xk_block_insert(struct xk_block *block, const char *path, int fd,
                struct xk_error *err)
{
    struct xk_engine_options options = {
        .path = path,
        .is_open = true,
        .fd = fd,
        .read_only = true,
        .lock_deadline = xk_deadline_in_ms(0),
    };
    struct xk_engine *engine;

    if (check_drive(block, err) == -1)
        return -1;
    if (fd == -1)
        return xk_fail(err, XK_ERR_USAGE,
                       "send the image with the question, open for reading "
                       "(SCM_RIGHTS): this process may open nothing");
    engine = xk_file_engine_open(&options, err);
    if (engine == NULL)
        return -1;
    return change(block, engine, err);
}
