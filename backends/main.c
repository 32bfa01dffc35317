/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xk-backend KIND DIR: serve one device of a guest.
 * xk-backend storage DIR ...: start what serves its image (storage.h).
 * xk-backend flush|settle DIR MS: have what was written kept (settle.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/block/settle.h"
#include "backends/block/device.h"
#include "backends/storage/storage.h"
#include "base/log.h"
#include "base/number.h"
#include "base/ready.h"
#include "base/util.h"
#include "contracts/device.h"

static const struct xk_device_kind *const kinds[] = {
    &xk_block_kind,
};

static const struct xk_device_kind *
find_kind(const char *name)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}

static int
serve(const struct xk_device_kind *kind, const char *dir, int *ready,
      struct xk_error *err)
{
    struct xk_device *device = xk_device_open(kind, dir, err);

    if (device == NULL)
        return -1;
    xk_ready_say(*ready, NULL);
    *ready = -1;
    xk_device_run(device);
    xk_device_close(device);
    return 0;
}

static int
keep_by(int (*keep)(const char *, struct xk_deadline, struct xk_error *),
        const char *dir, const char *ms, struct xk_error *err)
{
    uint64_t number;

    if (!xk_parse_u64(ms, INT32_MAX, &number))
        return xk_fail(err, XK_ERR_USAGE, "\"%s\" is no time in ms", ms);
    return keep(dir, xk_deadline_in_ms((int)number), err);
}

static int
run(int argc, char **argv, int *ready, struct xk_error *err)
{
    const char *what = argc > 1 ? argv[1] : "";
    const struct xk_device_kind *kind = find_kind(what);

    if (argc == 3 && kind != NULL)
        return serve(kind, argv[2], ready, err);
    if (argc > 2 && strcmp(what, XK_DISK_WORK_STORAGE) == 0)
        return xk_storage_start(argv + 2, err);
    if (argc == 4 && strcmp(what, XK_DISK_WORK_FLUSH) == 0)
        return keep_by(xk_flush, argv[2], argv[3], err);
    if (argc == 4 && strcmp(what, XK_DISK_WORK_SETTLE) == 0)
        return keep_by(xk_settle, argv[2], argv[3], err);
    return xk_fail(err, XK_ERR_USAGE,
                   "usage: xk-backend block|storage|flush|settle DIRECTORY "
                   "...");
}

int
main(int argc, char **argv)
{
    int ready = xk_ready_descriptor();
    struct xk_error err = {0};

    xk_log_set_name("xk-backend");
    xk_log_set_level(XK_LOG_INFO);
    xk_log_set_bounds(XK_LOG_KEEP, XK_LOG_BURST, XK_LOG_PAUSE_MS);
    if (run(argc, argv, &ready, &err) == 0)
        return 0;
    xk_ready_say(ready, &err);
    xk_log(XK_LOG_ERROR, "%s", err.message);
    return xk_error_exit_status(err.kind);
}
