/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open the resources of a block device, while the process has privileges: the
 * engine, the in-flight log and the flusher. */
#include <stdlib.h>
#include <unistd.h>

#include "backends/block/device_internal.h"
#include "backends/block/engine/flusher.h"
#include "backends/life/jail.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "contracts/disk.h"

enum {
    TAKE_OVER_MS = 10000, /* for I/O of a killed process to finish */
};

/* ---- the engine ---- */

static struct xk_engine *
open_engine(const struct xk_block_config *config, struct xk_error *err)
{
    static struct xk_engine *(*const open[XK_ENGINE_COUNT])(
        const struct xk_engine_options *, struct xk_error *) = {
        [XK_ENGINE_FILE] = xk_file_engine_open,
        [XK_ENGINE_NBD] = xk_nbd_engine_open,
        [XK_ENGINE_NULL] = xk_null_engine_open,
    };
    bool is_empty = config->cdrom && config->engine == XK_ENGINE_FILE &&
                    config->target[0] == '\0';
    struct xk_engine_options options = {
        .path =
            config->engine == XK_ENGINE_NBD ? config->socket : config->target,
        .null_bytes = config->null_bytes,
        .read_only = config->read_only || config->cdrom,
        .discard = config->discard,
        .direct = config->direct,
        .lock_deadline = xk_deadline_in_ms(TAKE_OVER_MS),
    };

    if (is_empty)
        return xk_empty_engine_new();
    return open[config->engine](&options, err);
}

/* ---- the in-flight log ---- */

static unsigned
choose_queues(const struct xk_block *block)
{
    return block->blkif.engine->one_queue
               ? 1
               : xk_device_choose_workers(block->config.queues);
}

static int
open_log(struct xk_block *block, const char *dir, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" XK_DISK_INFLIGHT, dir);
    struct xk_blkif_device *blkif = &block->blkif;

    block->offer =
        (struct xk_inflight_offer){.queues = choose_queues(block),
                                   .ring_order = XK_BLKIF_RING_ORDER_MAX,
                                   .segments = XK_BLKIF_MAX_SEGMENTS};
    blkif->log = xk_inflight_open(path, &block->offer, err);
    if (blkif->log == NULL)
        return -1;
    if (xk_inflight_change_server(blkif->log, blkif->engine->server)) {
        xk_warn("%s: the process that served the image has ended with writes "
                "that were not flushed",
                block->config.vdev);
        xk_inflight_set_poisoned(blkif->log, true);
    }
    blkif->poisoned = xk_inflight_is_poisoned(blkif->log);
    return 0;
}

/* ---- the flusher ---- */

/* Poison the image if the result of a flush is lost. Only the flusher that made
 * a flush knows its result. If that process is gone, nobody knows the result,
 * and flushing again would not show an error that the kernel has already
 * reported; unless all data has been flushed since (settle.h). Note this before
 * another flusher starts: a later backend would believe that it knows. */
static void
note_lost_flush(struct xk_block *block)
{
    struct xk_blkif_device *blkif = &block->blkif;

    if (!xk_blkif_flush_is_lost(blkif->log))
        return;
    xk_warn("%s: the processes that wrote and flushed the image have ended "
            "during a flush",
            block->config.vdev);
    xk_inflight_set_poisoned(blkif->log, true);
    blkif->poisoned = true;
}

/* 1: found a flusher; 0: started one. */
static int
find_or_start_flusher(struct xk_block *block,
                      const struct xk_flusher_options *options,
                      struct xk_error *err)
{
    int found = xk_flusher_find(options, err);

    if (found == 0) {
        note_lost_flush(block);
        return xk_flusher_start(options, err);
    }
    if (found == 1)
        block->blkif.engine->owed = xk_blkif_flush_is_lost(block->blkif.log);
    return found;
}

/* Find or start the flusher, if the image needs one, and connect to it. */
static int
take_flusher(struct xk_block *block, const char *dir, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" XK_DISK_FLUSHER, dir);
    struct xk_engine *engine = block->blkif.engine;
    struct xk_flusher_options options = {.path = path,
                                         .image_fd = xk_engine_image_fd(engine),
                                         .jail = xk_jail_enter_flusher,
                                         .context = &block->config.device};
    int known;

    if (options.image_fd == -1)
        return 0;
    known = find_or_start_flusher(block, &options, err);
    if (known == -1)
        return -1;
    block->flusher = XK_TAKE(path);
    engine->flusher = block->flusher;
    block->flusher_fd = xk_flusher_connect(block->flusher, err);
    if (block->flusher_fd == -1)
        return -1;
    block->has_new_flusher = known == 0;
    return 0;
}

/* ---- all of it ---- */

int
xk_block_open_image(struct xk_block *block, const char *dir,
                    struct xk_error *err)
{
    struct xk_engine *engine = open_engine(&block->config, err);

    if (engine == NULL)
        return -1;
    block->blkif.engine = engine;
    block->blkif.limits = (struct xk_blkif_limits){
        .sectors = engine->bytes / XK_BLKIF_SECTOR_BYTES,
        .logical_sectors = 1,
        .read_only = engine->read_only,
        .discard = engine->discard,
    };
    block->blkif.poll_us = block->config.poll_us;
    if (open_log(block, dir, err) == -1)
        return -1;
    return take_flusher(block, dir, err);
}

/* If the device was served, its flusher must stay: the toolstack, which stopped
 * us, asks it for a last flush (settle.h). */
void
xk_block_close_image(struct xk_block *block, bool served)
{
    if (block->has_new_flusher && !served)
        xk_flusher_end(block->flusher_fd);
    xk_inflight_close(block->blkif.log);
    xk_engine_close(block->blkif.engine);
    if (block->flusher_fd != -1)
        close(block->flusher_fd);
    free(block->flusher);
}
