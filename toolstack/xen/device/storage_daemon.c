/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sources: QEMU's qemu-storage-daemon(1) and docs/interop/qmp-ref. */
#include "toolstack/xen/device/storage_daemon.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "toolstack/image/image.h"
#include "toolstack/program.h"
#include "toolstack/qmp.h"
#include "toolstack/xen/device/device_internal.h"
#include "toolstack/xen/device/vbd.h"

enum {
    ANSWER_MAX = 64 * 1024,
    WORDS_MAX = 96,
    LOOK_MS = 50, /* doubles each time: a look reads all of /proc */
    LOOK_MS_MAX = 1000,
    DROPPED_MAX = 3, /* dropped connections before we give up */
};

struct words {
    char *items[WORDS_MAX + 1];
    size_t count;
};

static void
free_words(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
}

static void
add(struct words *words, char *word)
{
    if (words->count < WORDS_MAX)
        words->items[words->count++] = word;
    else
        free(word);
}

/* Nodes are named by their layer: file0 is below disk0, and so on. */
static void
add_file(struct words *words, const struct xk_image_layer *layer, size_t number)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *writer = xk_json_writer_new(&text, false);
    char name[32], place[32];

    snprintf(name, sizeof(name), "file%zu", number);
    snprintf(place, sizeof(place), "/image%zu", number);
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "driver", layer->block ? "host_device" : "file");
    xk_json_put_string(writer, "node-name", name);
    xk_json_put_string(writer, "filename", place);
    xk_json_put_bool(writer, "read-only", !layer->read_write);
    xk_json_put_string(writer, "discard", "unmap");
    /* Another host may write to a block device without this host's page cache
     * noticing. */
    xk_json_open_object(writer, "cache");
    xk_json_put_bool(writer, "direct", layer->block);
    xk_json_close_object(writer);
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
    add(words, xk_strdup("--blockdev"));
    add(words, xk_buf_take(&text));
}

static bool
can_build_on(enum xk_disk_format format)
{
    return format == XK_FORMAT_QCOW || format == XK_FORMAT_QCOW2 ||
           format == XK_FORMAT_QED || format == XK_FORMAT_VMDK;
}

static void
add_format(struct words *words, const struct xk_image *image, size_t number)
{
    const struct xk_image_layer *layer = &image->layers[number];
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *writer = xk_json_writer_new(&text, false);
    char disk[32], file[32], below[32];

    snprintf(disk, sizeof(disk), "disk%zu", number);
    snprintf(file, sizeof(file), "file%zu", number);
    snprintf(below, sizeof(below), "disk%zu", number + 1);
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "driver",
                       xk_disk_format_qemu_name(layer->format));
    xk_json_put_string(writer, "node-name", disk);
    xk_json_put_string(writer, "file", file);
    xk_json_put_bool(writer, "read-only", !layer->read_write);
    xk_json_put_string(writer, "discard", "unmap");
    if (can_build_on(layer->format))
        xk_json_put_string(writer, "backing",
                           number + 1 < image->count ? below : NULL);
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
    add(words, xk_strdup("--blockdev"));
    add(words, xk_buf_take(&text));
}

/* The daemon inherits three sockets: for NBD, for our QMP commands, and a
 * connected one on which it says that it serves. The last is separate because
 * QEMU may lose or drop a client that connects to a listening socket before
 * QEMU has initialised, and the client after that too. */
static void
add_sockets(struct words *words)
{
    add(words, xk_strdup("--nbd-server"));
    add(words, xk_strdup("addr.type=fd,addr.str=3"));
    add(words, xk_strdup("--chardev"));
    add(words, xk_strdup("socket,id=qmp,fd=4,server=on,wait=off"));
    add(words, xk_strdup("--monitor"));
    add(words, xk_strdup("chardev=qmp"));
    add(words, xk_strdup("--chardev"));
    add(words, xk_strdup("socket,id=hello,fd=6"));
    add(words, xk_strdup("--monitor"));
    add(words, xk_strdup("chardev=hello"));
}

/* The caller owns the text. */
static char *
export_text(const struct xk_xen_device *device)
{
    return xk_asprintf("{\"type\":\"nbd\",\"id\":\"disk\",\"node-name\":"
                       "\"disk0\",\"name\":\"\",\"writable\":%s}",
                       xk_vbd_is_read_write(device) ? "true" : "false");
}

static bool
format_by_name(const char *name, enum xk_disk_format *format)
{
    for (int f = 0; f < XK_FORMAT_COUNT; f++) {
        if (strcmp(xk_disk_format_name((enum xk_disk_format)f), name) == 0) {
            *format = (enum xk_disk_format)f;
            return true;
        }
    }
    return false;
}

/* Wait until the image is free: in a migration the other host releases it
 * first. */
static int
await_image(const struct xk_image *image, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct xk_error why = {0};
    int ms = LOOK_MS;

    while (xk_image_check_free(image, NULL, &why) == -1) {
        if (why.kind != XK_ERR_IN_USE || !xk_deadline_pause(deadline, ms)) {
            *err = why;
            return -1;
        }
        ms = ms * 2 < LOOK_MS_MAX ? ms * 2 : LOOK_MS_MAX;
    }
    return 0;
}

int
xk_vbd_await_image(const struct xk_xen_device *device,
                   struct xk_deadline deadline, struct xk_error *err)
{
    enum xk_disk_format format;
    struct xk_image image = {0};
    int r;

    if (!xk_vbd_is_read_write(device) || xk_vbd_target(device)[0] == '\0' ||
        !format_by_name(xk_vbd_format(device), &format))
        return 0;
    /* An image that cannot be opened is not being written to either. */
    if (xk_image_open(xk_vbd_target(device), format, true, &image, NULL) == -1)
        return 0;
    r = await_image(&image, deadline, err);
    xk_image_close(&image);
    return r;
}

static void
set_inherited(const struct xk_image *image, bool inherited)
{
    for (size_t i = 0; i < image->count; i++)
        fcntl(image->layers[i].fd, F_SETFD, inherited ? 0 : FD_CLOEXEC);
}

static int
run_daemon(const struct words *words, const struct xk_image *image,
           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf output = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    XK_CLEANUP_FREE char *said = NULL;
    int status = 0, r;

    set_inherited(image, true);
    r = xk_process_run((const char *const *)words->items, ANSWER_MAX, &output,
                       &errors, deadline, &status, err);
    set_inherited(image, false);
    if (r == -1 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return r;
    said = xk_xen_device_complaint(&errors);
    return xk_fail(err, XK_ERR_FAILED, "image \"%s\": %s",
                   image->layers[0].path, said);
}

/* Start the daemon through xk-backend, which sets up its mount namespace. */
static int
add_place(struct words *words, const struct xk_xen_device *device,
          const struct xk_image *image, struct xk_error *err)
{
    int64_t uid;

    if (!xk_json_integer(xk_json_get(device->json, XK_DEVICE_UID), &uid))
        return xk_fail(err, XK_ERR_FAILED, "\"%s\" does not name a user",
                       device->path);
    words->items[0] = xk_program_find(XK_XEN_BACKEND_PROGRAM, err);
    if (words->items[0] == NULL)
        return -1;
    words->count = 1;
    add(words, xk_strdup(XK_DISK_WORK_STORAGE));
    add(words, xk_strdup(device->path));
    add(words, xk_asprintf("%lld", (long long)uid));
    for (size_t i = 0; i < image->count; i++)
        add(words,
            xk_asprintf("%s:%d", image->layers[i].read_write ? "rw" : "ro",
                        image->layers[i].fd));
    add(words, xk_strdup("--"));
    add(words, xk_strdup("qemu-storage-daemon"));
    return 0;
}

static void
add_image(struct words *words, const struct xk_xen_device *device,
          const struct xk_image *image)
{
    /* A backing image must precede its overlay. */
    for (size_t i = image->count; i > 0; i--) {
        add_file(words, &image->layers[i - 1], i - 1);
        add_format(words, image, i - 1);
    }
    add_sockets(words);
    add(words, xk_strdup("--export"));
    add(words, export_text(device));
    add(words, xk_strdup("--pidfile"));
    add(words, xk_strdup("/" XK_DISK_DAEMON_PID));
}

int
xk_vbd_start_daemon(const struct xk_xen_device *device,
                    struct xk_deadline deadline, struct xk_error *err)
{
    struct words words = {0};
    enum xk_disk_format format;
    struct xk_image image = {0};
    int r;

    if (!format_by_name(xk_vbd_format(device), &format))
        return xk_fail(err, XK_ERR_FAILED, "unknown image format \"%s\"",
                       xk_vbd_format(device));
    r = xk_image_open(xk_vbd_target(device), format,
                      xk_vbd_is_read_write(device), &image, err);
    if (r == 0)
        r = await_image(&image, deadline, err);
    if (r == 0)
        r = add_place(&words, device, &image, err);
    if (r == 0) {
        add_image(&words, device, &image);
        r = run_daemon(&words, &image, deadline, err);
    }
    xk_image_close(&image);
    free_words(&words);
    return r;
}

/* ---- QMP commands ---- */

static struct xk_qmp *
connect_to(const struct xk_xen_device *device, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_CLOSE int dir =
        open(device->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct xk_qmp *qmp;

    if (dir == -1) {
        xk_fail_errno(err, "open \"%s\"", device->path);
        return NULL;
    }
    qmp = xk_qmp_connect(dir, XK_DISK_QMP, deadline, err);
    /* A daemon that dropped one client serves the next. */
    for (int times = 0;
         qmp == NULL && err->kind == XK_ERR_FAILED && times < DROPPED_MAX &&
         xk_deadline_left_ms(deadline) > 0;
         times++)
        qmp = xk_qmp_connect(dir, XK_DISK_QMP, deadline, err);
    if (qmp == NULL)
        xk_wrap(err, "the storage daemon of disk %s", device->name);
    return qmp;
}

static int
add_export(const struct xk_xen_device *device, struct xk_qmp *qmp,
           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *text = export_text(device);

    return xk_qmp_execute(qmp, "block-export-add", text, NULL, deadline, err);
}

/* Returns 1 if the export exists, else 0. *closing: its removal has begun. */
static int
look_for_export(struct xk_qmp *qmp, bool *closing, struct xk_deadline deadline,
                struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *exports;

    if (xk_qmp_execute(qmp, "query-block-exports", NULL, &answer, deadline,
                       err) == -1)
        return -1;
    exports = xk_json_get(answer, "return");
    *closing =
        xk_json_is_true(xk_json_get(xk_json_at(exports, 0), "shutting-down"));
    return xk_json_length(exports) > 0 ? 1 : 0;
}

/* Remove the export and wait for the event that says so. An export keeps its
 * size and still carries out requests of a client that has gone; QEMU deletes
 * it once none are left. */
static int
remove_export(struct xk_qmp *qmp, struct xk_deadline deadline,
              struct xk_error *err)
{
    bool closing = false;
    int there;

    xk_qmp_expect(qmp, "BLOCK_EXPORT_DELETED");
    there = look_for_export(qmp, &closing, deadline, err);
    if (there != 1)
        return there;
    if (!closing && xk_qmp_execute(qmp, "block-export-del",
                                   "{\"id\":\"disk\",\"mode\":\"hard\"}", NULL,
                                   deadline, err) == -1)
        return -1;
    return xk_qmp_wait_event(qmp, NULL, deadline, err);
}

int
xk_vbd_offer_image(const struct xk_xen_device *device,
                   struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp = connect_to(device, deadline, err);

    if (qmp == NULL)
        return -1;
    if (remove_export(qmp, deadline, err) == -1)
        return xk_wrap(err, "requests of the process that served disk %s",
                       device->name);
    return add_export(device, qmp, deadline, err);
}

int
xk_vbd_resize_image(const struct xk_xen_device *device, uint64_t bytes,
                    struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp = connect_to(device, deadline, err);
    XK_CLEANUP_FREE char *size = xk_asprintf(
        "{\"node-name\":\"disk0\",\"size\":%llu}", (unsigned long long)bytes);
    struct xk_error other;
    int r;

    if (qmp == NULL || remove_export(qmp, deadline, err) == -1)
        return -1;
    r = xk_qmp_execute(qmp, "block_resize", size, NULL, deadline, err);
    /* Export the image again in any case: the guest must go on. */
    if (add_export(device, qmp, deadline, r == 0 ? err : &other) == -1)
        return -1;
    return r;
}
