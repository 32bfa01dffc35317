/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kind "block". Its companions beside xk-backend are qemu-storage-daemon,
 * if the format is not raw, and the process that flushes a raw image.
 *
 * Source of its nodes: xen/include/public/io/blkif.h; libxl_disk.c. The path of
 * the image is left out, because the guest could read it.
 */
#include "toolstack/xen/device/vbd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "contracts/disk.h"
#include "toolstack/config/vdev.h"
#include "toolstack/image/image.h"
#include "toolstack/program.h"
#include "toolstack/xen/device/device_internal.h"
#include "toolstack/xen/device/disk_ours.h"
#include "toolstack/xen/device/storage_daemon.h"

enum {
    ANSWER_MAX = 64 * 1024,
    SETTLE_MS = 30000, /* for a flush; then the guest resumes here */
};

#define STORE_KIND "xkvbd"

static const struct xk_xen_device_process daemon_process = {
    XK_DISK_DAEMON, XK_DISK_DAEMON_LOCK};

/* ---- in a configuration ---- */

static size_t
count(const struct xk_domain_config *config)
{
    return config->disk_count;
}

static bool
is_ours(const struct xk_domain_config *config, size_t index)
{
    return xk_disk_is_ours(config, &config->disks[index]);
}

static unsigned
number(const struct xk_domain_config *config, size_t index)
{
    return xk_disk_number(&config->disks[index]);
}

static char *
config_name(const struct xk_domain_config *config, size_t index)
{
    return xk_strdup(config->disks[index].vdev);
}

int
xk_vbd_check(const struct xk_state *state, const struct xk_disk *disk,
             bool shared, struct xk_error *err)
{
    struct xk_image image = {0};
    int r;

    if (disk->format == XK_FORMAT_EMPTY)
        return 0;
    r = xk_image_open(disk->target, disk->format,
                      disk->read_write && !disk->cdrom, &image, err);
    if (r == 0 && !shared)
        r = xk_image_check_free(&image, state, err);
    xk_image_close(&image);
    return r;
}

/* An error of kind XK_ERR_CONFIG is a problem of the configuration file; an
 * image in use is not. */
static int
check(const struct xk_state *state, const struct xk_domain_config *config,
      size_t index, bool shared, struct xk_problems *problems,
      struct xk_error *err)
{
    const struct xk_disk *disk = &config->disks[index];
    struct xk_error why = {0};

    if (xk_vbd_check(state, disk, shared, &why) == 0)
        return 0;
    if (why.kind == XK_ERR_CONFIG) {
        xk_problem_add(problems, XK_PROBLEM_ERROR, &disk->where, "%s",
                       why.message);
        return 0;
    }
    *err = why;
    return -1;
}

static bool
has_other_medium(const struct xk_xen_device *device,
                 const struct xk_domain_config *config, size_t index)
{
    const struct xk_disk *disk = &config->disks[index];
    const char *target = disk->target != NULL ? disk->target : "";

    return disk->cdrom && strcmp(target, xk_vbd_target(device)) != 0;
}

/* ---- in device.json ---- */

static bool
needs_daemon(enum xk_disk_format format)
{
    return format != XK_FORMAT_RAW && format != XK_FORMAT_EMPTY;
}

/* A file is better served through the page cache; a flush persists it. */
static bool
is_direct(const struct xk_disk *disk, const char *target)
{
    struct stat st;

    return disk->direct_io_safe ||
           (stat(target, &st) == 0 && S_ISBLK(st.st_mode));
}

static void
put(const struct xk_xen_device *device, const struct xk_domain_config *config,
    size_t index, struct xk_json_writer *writer)
{
    const struct xk_disk *disk = &config->disks[index];
    const char *target = disk->target != NULL ? disk->target : "";
    bool daemon = needs_daemon(disk->format);
    XK_CLEANUP_FREE char *nbd = xk_asprintf("%s/" XK_DISK_NBD, device->path);

    xk_json_put_string(writer, XK_DISK_TARGET, target);
    xk_json_put_string(writer, XK_DISK_FORMAT,
                       xk_disk_format_name(disk->format));
    xk_json_put_string(writer, XK_DISK_ENGINE,
                       daemon ? XK_DISK_ENGINE_NBD : XK_DISK_ENGINE_FILE);
    if (daemon)
        xk_json_put_string(writer, XK_DISK_SOCKET, nbd);
    xk_json_put_bool(writer, XK_DISK_READ_ONLY,
                     !disk->read_write || disk->cdrom);
    xk_json_put_bool(writer, XK_DISK_CDROM, disk->cdrom);
    xk_json_put_bool(writer, XK_DISK_DISCARD, disk->discard);
    xk_json_put_bool(writer, XK_DISK_UNTRUSTED, disk->untrusted);
    xk_json_put_bool(writer, XK_DISK_DIRECT, is_direct(disk, target));
}

static int
check_json(const struct xk_json *json, struct xk_error *err)
{
    return xk_json_need_string(json, XK_DISK_TARGET, err) != NULL &&
                   xk_json_need_string(json, XK_DISK_FORMAT, err) != NULL
               ? 0
               : -1;
}

const char *
xk_vbd_target(const struct xk_xen_device *device)
{
    return xk_json_string(xk_json_get(device->json, XK_DISK_TARGET));
}

const char *
xk_vbd_format(const struct xk_xen_device *device)
{
    return xk_json_string(xk_json_get(device->json, XK_DISK_FORMAT));
}

static bool
flag(const struct xk_xen_device *device, const char *member)
{
    return xk_json_is_true(xk_json_get(device->json, member));
}

bool
xk_vbd_is_cdrom(const struct xk_xen_device *device)
{
    return flag(device, XK_DISK_CDROM);
}

bool
xk_vbd_is_read_write(const struct xk_xen_device *device)
{
    return xk_json_is_false(xk_json_get(device->json, XK_DISK_READ_ONLY));
}

static bool
has_daemon(const struct xk_xen_device *device)
{
    const char *engine =
        xk_json_string(xk_json_get(device->json, XK_DISK_ENGINE));

    return engine != NULL && strcmp(engine, XK_DISK_ENGINE_NBD) == 0;
}

/* ---- in xenstore ---- */

static const char *
device_type(const struct xk_xen_device *device)
{
    return xk_vbd_is_cdrom(device) ? "cdrom" : "disk";
}

static const char *
trusted(const struct xk_xen_device *device)
{
    return flag(device, XK_DISK_UNTRUSTED) ? "0" : "1";
}

static const char *
removable(const struct xk_xen_device *device)
{
    return xk_vbd_is_cdrom(device) ? "1" : "0";
}

static const char *
bootable(const struct xk_xen_device *device)
{
    (void)device;
    return "1";
}

static const char *
dev(const struct xk_xen_device *device)
{
    return device->name;
}

static const char *
type(const struct xk_xen_device *device)
{
    (void)device;
    return STORE_KIND;
}

static const char *
mode(const struct xk_xen_device *device)
{
    return flag(device, XK_DISK_READ_ONLY) ? "r" : "w";
}

static const struct xk_xen_device_node front_nodes[] = {
    {"device-type", device_type, NULL},
    {"trusted", trusted, NULL},
    {NULL, NULL, NULL},
};

static const struct xk_xen_device_node back_nodes[] = {
    {"removable", removable, NULL},
    {"bootable", bootable, NULL},
    {"dev", dev, NULL},
    {"type", type, NULL},
    {"mode", mode, NULL},
    {"device-type", device_type, NULL},
    {NULL, NULL, NULL},
};

/* ---- flushing ---- */

static bool
has_timed_out(int status)
{
    return WIFEXITED(status) &&
           WEXITSTATUS(status) == xk_error_exit_status(XK_ERR_TIMEOUT);
}

/* A disk that was never served has never been written to. */
static bool
may_be_written(const struct xk_xen_device *device)
{
    XK_CLEANUP_FREE char *log =
        xk_asprintf("%s/" XK_DISK_INFLIGHT, device->path);

    return xk_vbd_is_read_write(device) &&
           (access(log, F_OK) == 0 || errno != ENOENT);
}

/* Flush in a child process: the kernel may block the caller of a flush for as
 * long as it likes. */
static int
run_flush(const struct xk_xen_device *device, const char *work,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *program = NULL;
    XK_CLEANUP_FREE char *ms = NULL;
    XK_CLEANUP_FREE char *said = NULL;
    XK_CLEANUP_BUF struct xk_buf output = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    int status = 0;

    if (!may_be_written(device))
        return 0;
    ms = xk_asprintf("%d", xk_deadline_left_ms(deadline));
    program = xk_program_find(XK_XEN_BACKEND_PROGRAM, err);
    if (program == NULL)
        return -1;
    if (xk_process_run(
            (const char *const[]){program, work, device->path, ms, NULL},
            ANSWER_MAX, &output, &errors, deadline, &status, err) == -1)
        return xk_wrap(err, "flush disk %s", device->name);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    said = xk_xen_device_complaint(&errors);
    return xk_fail(err, has_timed_out(status) ? XK_ERR_TIMEOUT : XK_ERR_FAILED,
                   "%s", said);
}

static int
flush(const struct xk_xen_device *device, struct xk_deadline deadline,
      struct xk_error *err)
{
    return run_flush(device, XK_DISK_WORK_FLUSH, deadline, err);
}

static int
settle(const struct xk_xen_device *device, struct xk_deadline deadline,
       struct xk_error *err)
{
    return run_flush(device, XK_DISK_WORK_SETTLE,
                     xk_deadline_min(deadline, xk_deadline_in_ms(SETTLE_MS)),
                     err);
}

/* A guest whose flush was lost still waits for the answer. After a save it
 * would repeat the flush elsewhere and be told of success. */
static int
check_whole(const struct xk_xen_device *device, const struct xk_json *status,
            struct xk_error *err)
{
    if (!xk_json_is_true(xk_json_get(status, XK_STATUS_POISONED)))
        return 0;
    return xk_fail(err, XK_ERR_FAILED,
                   "disk %s has lost what was written to it, and its guest "
                   "could not be told any more",
                   device->name);
}

/* ---- companions of xk-backend ---- */

static bool
is_there(const struct xk_xen_device *device)
{
    return !has_daemon(device) ||
           xk_xen_device_process_lives(device, &daemon_process);
}

static int
open_daemon(const struct xk_xen_device *device)
{
    return xk_xen_device_open_process(device, &daemon_process);
}

static int
prepare(const struct xk_xen_device *device, struct xk_deadline deadline,
        struct xk_error *err)
{
    return has_daemon(device) ? xk_vbd_offer_image(device, deadline, err) : 0;
}

static int
end_daemon(const struct xk_xen_device *device, struct xk_deadline deadline,
           struct xk_error *err)
{
    return xk_xen_device_end_process(device, &daemon_process, false, deadline,
                                     err);
}

/* End the process that flushes a raw image (backends/). It has flushed, or its
 * flush is abandoned. */
static int
end_flusher(const struct xk_xen_device *device, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/" XK_DISK_FLUSHER_PROCESS, device->path);
    struct xk_process process;
    struct xk_error why = {0};

    if (xk_process_load(AT_FDCWD, path, &process, &why) == -1)
        return why.kind == XK_ERR_NOT_FOUND
                   ? 0
                   : xk_fail(err, why.kind, "disk %s: %s", device->name,
                             why.message);
    if (xk_process_kill(&process, xk_deadline_in_ms(XK_XEN_DEVICE_GONE_MS),
                        err) == 0)
        return 0;
    return xk_wrap(err, "disk %s: the process that flushes", device->name);
}

static int
abandon(const struct xk_xen_device *device, struct xk_deadline deadline,
        struct xk_error *err)
{
    return end_daemon(device, deadline, err) == -1 ? -1
                                                   : end_flusher(device, err);
}

static int
stop(const struct xk_xen_device *device, struct xk_deadline deadline,
     struct xk_error *err)
{
    if (settle(device, deadline, err) == -1 ||
        abandon(device, deadline, err) == -1)
        return -1;
    /* Their I/O may outlive them. */
    return xk_vbd_await_image(
        device,
        xk_deadline_min(deadline, xk_deadline_in_ms(XK_XEN_DEVICE_GONE_MS)),
        err);
}

static const struct xk_xen_device_side side = {
    .is_there = is_there,
    .open = open_daemon,
    .start = xk_vbd_start_daemon,
    .prepare = prepare,
    .flush = flush,
    .settle = settle,
    .stop = stop,
    .abandon = abandon,
};

const struct xk_xen_device_kind xk_vbd_kind = {
    .name = XK_DEVICE_BLOCK,
    .noun = "disk",
    .waits_for = "its image",
    .prefix = "vbd-",
    .front = "vbd",
    .back = STORE_KIND,
    .number_node = "virtual-device",
    .name_member = XK_DISK_VDEV,
    .libxl_verb = "disks",
    .front_nodes = front_nodes,
    .back_nodes = back_nodes,
    .count = count,
    .is_ours = is_ours,
    .number = number,
    .config_name = config_name,
    .check = check,
    .differs = has_other_medium,
    .put = put,
    .check_json = check_json,
    .check_whole = check_whole,
    .side = &side,
};

/* ---- operations of disks only ---- */

bool
xk_vbd_waits_for_image(const struct xk_xen_device *device, struct xk_error *why)
{
    XK_CLEANUP_CLOSE int daemon = open_daemon(device);

    return daemon == -1 &&
           xk_vbd_await_image(device, xk_deadline_in_ms(0), why) == -1 &&
           why->kind == XK_ERR_IN_USE;
}

int
xk_vbd_resize(const struct xk_xen_device *device, uint64_t bytes,
              struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error other;
    int r;

    if (!has_daemon(device))
        return xk_fail(err, XK_ERR_UNSUPPORTED, "disk %s is a raw image",
                       device->name);
    if (xk_xen_device_end_backend(device, deadline, err) == -1)
        return -1;
    r = xk_vbd_resize_image(device, bytes, deadline, err);
    if (xk_xen_device_start(device, deadline, r == 0 ? err : &other) == -1)
        return -1;
    return r;
}
