/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works. The process that can report a failed flush is asked for one
 * more: the NBD server of an image that is not raw, or the flusher of a raw
 * image. xk_settle() then decides from the answer and the in-flight log whether
 * data is lost, and notes that in the log: as poisoned if it is, as settled if
 * a raw image is safe. If the process has ended, the log tells whether anything
 * was left that only it knew. xk_flush() only asks, and never writes the log.
 * The tables settle_by[] and flush_by[] choose by engine; an engine without a
 * row has nothing to flush.
 */
#include "backends/block/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/block/blkif_queue.h"
#include "backends/block/config.h"
#include "backends/block/engine/engine.h"
#include "backends/block/engine/flusher.h"
#include "backends/block/inflight.h"
#include "backends/life/jail.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "contracts/disk.h"

static bool
is_written(const struct xk_block_config *config)
{
    return !config->read_only && !config->cdrom;
}

static int
lose(const struct xk_block_config *config, struct xk_inflight *log,
     const char *why, struct xk_error *err)
{
    xk_inflight_set_poisoned(log, true);
    return xk_fail(err, XK_ERR_FAILED,
                   "disk %s has lost what was written to it: %s", config->vdev,
                   why);
}

static char *
describe_failure(const struct xk_block_config *config, int error)
{
    return xk_asprintf("\"%s\" failed a flush (%s)", config->target,
                       strerror(error));
}

static int
lose_flush(const struct xk_block_config *config, struct xk_inflight *log,
           int error, struct xk_error *err)
{
    XK_CLEANUP_FREE char *why = describe_failure(config, error);

    return lose(config, log, why, err);
}

/* ---- an image that is not raw: flushed by the process that serves it ---- */

static bool
server_lives(const char *dir)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" XK_DISK_DAEMON, dir);
    struct xk_process process;

    xk_process_load(AT_FDCWD, path, &process, NULL);
    return xk_process_alive(&process);
}

/* Returns true if the server reports a failed flush only once, as it does past
 * the page cache: we may be killed before we learn of it. An image that stat()
 * cannot find may be a block device too. */
static bool
tells_once(const struct xk_block_config *config)
{
    struct stat st;

    return stat(config->target, &st) == -1 || S_ISBLK(st.st_mode);
}

static void
expect_loss(void *context)
{
    xk_inflight_set_poisoned(context, true);
}

static int
flush_server(const struct xk_block_config *config, struct xk_inflight *log,
             struct xk_deadline deadline, struct xk_error *err)
{
    uint32_t written = xk_inflight_written(log);
    bool once = written != 0 && tells_once(config);
    struct xk_nbd_outcome outcome;

    if (xk_nbd_flush(config->socket, once ? expect_loss : NULL, log, &outcome,
                     deadline, err) == -1)
        return -1;
    if (xk_inflight_change_server(log, outcome.server))
        return lose(config, log, "the process that kept it has ended", err);
    if (outcome.error != 0)
        return lose_flush(config, log, outcome.error, err);
    if (once)
        xk_inflight_set_poisoned(log, false);
    xk_inflight_note_flush(log, written);
    return 0;
}

static int
settle_served(const char *dir, struct xk_block_config *config,
              struct xk_inflight *log, struct xk_deadline deadline,
              struct xk_error *err)
{
    if (server_lives(dir))
        return flush_server(config, log, deadline, err);
    return xk_inflight_written(log) == 0
               ? 0
               : lose(config, log, "the process that kept it has ended", err);
}

/* ---- a raw image: flushed by its flusher ---- */

/* Start a flusher instead of flushing here: a process that asks the kernel for
 * a flush cannot be killed while it waits. A backend whose flusher has ended
 * flushes by itself, and may have been killed while it did: then the result is
 * lost. */
static int
start_flusher(const char *path, struct xk_block_config *config,
              struct xk_inflight *log, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_flusher_options options = {.path = path,
                                         .jail = xk_jail_enter_flusher,
                                         .context = &config->device};

    if (xk_blkif_flush_is_lost(log))
        return lose(config, log,
                    "the processes that wrote and flushed it have ended during "
                    "a flush",
                    err);
    options.image_fd = fd = open(config->target, O_RDWR | O_CLOEXEC);
    if (fd == -1)
        return xk_fail_errno(err, "open \"%s\"", config->target);
    return xk_flusher_start(&options, err);
}

static int
settle_raw(const char *dir, struct xk_block_config *config,
           struct xk_inflight *log, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" XK_DISK_FLUSHER, dir);
    int error = 0;
    int answered = xk_flusher_flush(path, &error, deadline, err);

    if (answered == 0) {
        if (start_flusher(path, config, log, err) == -1)
            return -1;
        answered = xk_flusher_flush(path, &error, deadline, err);
    }
    if (answered == -1)
        return -1;
    if (answered == 0)
        return xk_fail(err, XK_ERR_FAILED,
                       "the process that flushes has ended");
    if (error != 0)
        return lose_flush(config, log, error, err);
    xk_inflight_set_settled(log, true);
    return 0;
}

/* ---- while it is served ---- */

/* The process that flushed remembers the failure and reports it to the backend
 * too, so the log need not note it. */
static int
report_flush(const struct xk_block_config *config, int error,
             struct xk_error *err)
{
    XK_CLEANUP_FREE char *why = NULL;

    if (error == 0)
        return 0;
    why = describe_failure(config, error);
    return xk_fail(err, XK_ERR_FAILED, "disk %s: %s", config->vdev, why);
}

/* A flusher that has ended is not an error here: the backend flushes without
 * it. */
static int
flush_raw(const char *dir, const struct xk_block_config *config,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" XK_DISK_FLUSHER, dir);
    int error = 0;
    int answered = xk_flusher_flush(path, &error, deadline, err);

    if (answered != 1 || error == EPIPE)
        return answered == -1 ? -1 : 0;
    return report_flush(config, error, err);
}

/* Do not flush a block device: past the page cache there is nothing to write
 * ahead, and a failed flush would be reported only to us. */
static int
flush_served(const char *dir, const struct xk_block_config *config,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_nbd_outcome outcome;
    struct stat st;

    if (stat(config->target, &st) == -1)
        return xk_fail_errno(err, "disk %s: \"%s\"", config->vdev,
                             config->target);
    if (S_ISBLK(st.st_mode) || !server_lives(dir))
        return 0;
    if (xk_nbd_flush(config->socket, NULL, NULL, &outcome, deadline, err) == -1)
        return server_lives(dir) ? -1 : 0;
    return report_flush(config, outcome.error, err);
}

static int (*const flush_by[XK_ENGINE_COUNT])(
    const char *dir, const struct xk_block_config *config,
    struct xk_deadline deadline, struct xk_error *err) = {
    [XK_ENGINE_FILE] = flush_raw,
    [XK_ENGINE_NBD] = flush_served,
};

/* ---- when it is no longer served ---- */

static int (*const settle_by[XK_ENGINE_COUNT])(const char *dir,
                                               struct xk_block_config *config,
                                               struct xk_inflight *log,
                                               struct xk_deadline deadline,
                                               struct xk_error *err) = {
    [XK_ENGINE_FILE] = settle_raw,
    [XK_ENGINE_NBD] = settle_served,
};

static int
settle(const char *dir, struct xk_block_config *config,
       struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" XK_DISK_INFLIGHT, dir);
    struct xk_inflight_offer offer = {.queues = 1,
                                      .ring_order = XK_BLKIF_RING_ORDER_MAX,
                                      .segments = XK_BLKIF_MAX_SEGMENTS};
    struct xk_inflight *log;
    int r;

    if (settle_by[config->engine] == NULL || !is_written(config) ||
        access(path, F_OK) == -1) /* nobody has ever served it */
        return 0;
    log = xk_inflight_open(path, &offer, err);
    if (log == NULL)
        return -1;
    r = xk_inflight_is_poisoned(log)
            ? lose(config, log,
                   "a flush failed or was not answered, or its "
                   "server died",
                   err)
            : settle_by[config->engine](dir, config, log, deadline, err);
    xk_inflight_close(log);
    return r;
}

int
xk_flush(const char *dir, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_block_config config = {0};
    int r = xk_block_config_read(dir, &config, err);

    if (r == 0 && flush_by[config.engine] != NULL && is_written(&config))
        r = flush_by[config.engine](dir, &config, deadline, err);
    xk_block_config_free(&config);
    return r;
}

int
xk_settle(const char *dir, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_block_config config = {0};
    int r = xk_block_config_read(dir, &config, err);

    if (r == 0)
        r = settle(dir, &config, deadline, err);
    xk_block_config_free(&config);
    return r;
}
