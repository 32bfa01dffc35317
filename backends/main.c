/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xk-backend KIND DIR: serve one device of a guest.
 * xk-backend storage DIR ...: start the daemon that serves an image
 * (storage.h). xk-backend flush|settle DIR MS: persist what a guest wrote
 * (settle.h). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/block/settle.h"
#include "backends/block/device.h"
#include "backends/storage/storage.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/number.h"
#include "base/util.h"
#include "contracts/device.h"

enum {
    FD_MAX = 1023
};

/* Returns the descriptor, inherited by number, on which to report that the
 * device is offered or why not; -1: nowhere. Children must not inherit it. */
static int
ready_descriptor(void)
{
    const char *text = getenv(XK_READY_ENV);
    uint64_t number;

    if (text == NULL || !xk_parse_u64(text, FD_MAX, &number) ||
        number <= STDERR_FILENO || fcntl((int)number, F_GETFD) == -1)
        return -1;
    fcntl((int)number, F_SETFD, FD_CLOEXEC);
    return (int)number;
}

static void
say(int fd, const struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf line = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&line, false);

    if (fd == -1)
        return;
    xk_json_open_object(writer, NULL);
    if (err == NULL)
        xk_json_put_bool(writer, "ready", true);
    else
        xk_json_put_error_member(writer, XK_DEVICE_ERROR, err);
    xk_json_close_object(writer);
    xk_buf_puts(&line, "\n");
    /* Ignore an error: the reader may be gone, and the device is still
     * served. */
    (void)xk_write_all(fd, line.data, line.length);
    close(fd);
}

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
    say(*ready, NULL);
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
        return xk_fail(err, XK_ERR_USAGE, "\"%s\" is not a time in ms", ms);
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
    int ready = ready_descriptor();
    struct xk_error err = {0};

    xk_log_set_name("xk-backend");
    xk_log_set_level(XK_LOG_INFO);
    xk_log_set_bounds(XK_LOG_KEEP, XK_LOG_BURST, XK_LOG_PAUSE_MS);
    if (run(argc, argv, &ready, &err) == 0)
        return 0;
    say(ready, &err);
    xk_log(XK_LOG_ERROR, "%s", err.message);
    return xk_error_exit_status(err.kind);
}
