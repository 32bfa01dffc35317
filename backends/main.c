/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xk-backend KIND DIR: serve one device of a guest.
 * xk-backend storage DIR ...: start the daemon that serves an image
 * (storage.h). xk-backend flush|settle DIR MS: persist what a guest wrote
 * (settle.h). */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/block/device.h"
#include "backends/block/settle.h"
#include "backends/net/device.h"
#include "backends/storage/storage.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/number.h"
#include "base/util.h"
#include "contracts/disk.h"

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
    &xk_net_kind,
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
        char **argv, struct xk_error *err)
{
    uint64_t number;

    if (!xk_parse_u64(argv[1], INT32_MAX, &number))
        return xk_fail(err, XK_ERR_USAGE, "\"%s\" is not a time in ms",
                       argv[1]);
    return keep(argv[0], xk_deadline_in_ms((int)number), err);
}

static int
flush(char **argv, struct xk_error *err)
{
    return keep_by(xk_flush, argv, err);
}

static int
settle(char **argv, struct xk_error *err)
{
    return keep_by(xk_settle, argv, err);
}

/* Work other than serving a device. */
static const struct work {
    const char *name;
    const char *arguments; /* for people */
    int min, max;          /* how many arguments */
    int (*run)(char **argv, struct xk_error *err);
} works[] = {
    {XK_DISK_WORK_STORAGE, "DIRECTORY UID IMAGE... -- PROGRAM...", 1, INT_MAX,
     xk_storage_start},
    {XK_DISK_WORK_FLUSH, "DIRECTORY MS", 2, 2, flush},
    {XK_DISK_WORK_SETTLE, "DIRECTORY MS", 2, 2, settle},
};

static const struct work *
find_work(const char *name, int arguments)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(works); i++) {
        if (strcmp(works[i].name, name) == 0 && arguments >= works[i].min &&
            arguments <= works[i].max)
            return &works[i];
    }
    return NULL;
}

static int
explain_usage(struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf words = {0};

    for (size_t i = 0; i < XK_ARRAY_SIZE(kinds); i++)
        xk_buf_printf(&words, "%s%s", i > 0 ? "|" : "", kinds[i]->name);
    xk_buf_puts(&words, " DIRECTORY");
    for (size_t i = 0; i < XK_ARRAY_SIZE(works); i++)
        xk_buf_printf(&words, ", or %s %s", works[i].name, works[i].arguments);
    return xk_fail(err, XK_ERR_USAGE, "usage: xk-backend %s", words.data);
}

static int
run(int argc, char **argv, int *ready, struct xk_error *err)
{
    const char *what = argc > 1 ? argv[1] : "";
    const struct xk_device_kind *kind = find_kind(what);
    const struct work *work = find_work(what, argc - 2);

    if (argc == 3 && kind != NULL)
        return serve(kind, argv[2], ready, err);
    return work != NULL ? work->run(argv + 2, err) : explain_usage(err);
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
