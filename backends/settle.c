/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/settle.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/config.h"
#include "backends/device/inflight.h"
#include "backends/engine/engine.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"

static int
lose(const struct xk_backend_config *config, struct xk_inflight *log,
     const char *why, struct xk_error *err)
{
    xk_inflight_set_poisoned(log);
    return xk_fail(err, XK_ERR_FAILED,
                   "disk %s has lost what was written to it: %s", config->vdev,
                   why);
}

static bool
server_lives(const char *dir)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/daemon.json", dir);
    struct xk_process process;

    xk_process_load(AT_FDCWD, path, &process, NULL);
    return xk_process_alive(&process);
}

static int
flush(const struct xk_backend_config *config, struct xk_inflight *log,
      struct xk_deadline deadline, struct xk_error *err)
{
    uint32_t written = xk_inflight_written(log);
    struct xk_nbd_outcome outcome;

    if (xk_nbd_flush(config->socket, &outcome, deadline, err) == -1)
        return -1;
    if (xk_inflight_change_server(log, outcome.server))
        return lose(config, log, "the process that kept it has ended", err);
    if (outcome.error != 0) {
        XK_CLEANUP_FREE char *why = xk_asprintf(
            "\"%s\" failed a flush (error %d)", config->target, outcome.error);

        return lose(config, log, why, err);
    }
    xk_inflight_note_flush(log, written);
    return 0;
}

static int
settle_log(const char *dir, const struct xk_backend_config *config,
           struct xk_inflight *log, struct xk_deadline deadline,
           struct xk_error *err)
{
    if (xk_inflight_is_poisoned(log))
        return lose(config, log, "a flush failed, or its server died", err);
    if (server_lives(dir))
        return flush(config, log, deadline, err);
    return xk_inflight_written(log) == 0
               ? 0
               : lose(config, log, "the process that kept it has ended", err);
}

static int
settle(const char *dir, const struct xk_backend_config *config,
       struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/inflight", dir);
    struct xk_inflight_offer offer = {.queues = 1,
                                      .ring_order = XK_BLKIF_RING_ORDER_MAX,
                                      .segments = XK_BLKIF_MAX_SEGMENTS};
    struct xk_inflight *log;
    int r;

    if (config->engine != XK_ENGINE_NBD || config->read_only || config->cdrom ||
        access(path, F_OK) == -1) /* nobody has ever served it */
        return 0;
    log = xk_inflight_open(path, &offer, err);
    if (log == NULL)
        return -1;
    r = settle_log(dir, config, log, deadline, err);
    xk_inflight_close(log);
    return r;
}

int
xk_settle(const char *dir, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_backend_config config = {0};
    int r = xk_backend_config_read(dir, &config, err);

    if (r == 0)
        r = settle(dir, &config, deadline, err);
    xk_backend_config_free(&config);
    return r;
}
