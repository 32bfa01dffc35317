/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/copy_target.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "toolstack/created_file.h"
#include "toolstack/image/image.h"
#include "toolstack/kvm/disk.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/qmp.h"

enum {
    SECTOR = 512,
    MAKE_MS = 30000,
    WORDS_MAX = 4096,
    QCOW2_SIZE_AT = 24, /* of the header, docs/interop/qcow2.txt */
};

#define BYTES_MAX (INT64_C(1) << 60)

/* ---- the list ---- */

const struct xk_json *
xk_kvm_copies(const struct xk_json *needs)
{
    return xk_json_get(needs, XK_KVM_COPIES);
}

static const struct xk_disk *
find_disk(const struct xk_domain_config *config, const char *vdev)
{
    for (size_t i = 0; vdev != NULL && i < config->disk_count; i++) {
        if (xk_kvm_is_copied(&config->disks[i]) &&
            strcmp(config->disks[i].vdev, vdev) == 0)
            return &config->disks[i];
    }
    return NULL;
}

static const struct xk_disk *
disk_of(const struct xk_json *copy, const struct xk_domain_config *config)
{
    return find_disk(config, xk_json_string(xk_json_get(copy, "vdev")));
}

static int64_t
number_of(const struct xk_json *copy, const char *key)
{
    int64_t number = -1;

    xk_json_integer(xk_json_get(copy, key), &number);
    return number;
}

static bool
is_listed_before(const struct xk_json *copies, size_t index,
                 const struct xk_domain_config *config)
{
    const struct xk_disk *disk = disk_of(xk_json_at(copies, index), config);

    for (size_t i = 0; i < index; i++) {
        if (disk_of(xk_json_at(copies, i), config) == disk)
            return true;
    }
    return false;
}

int
xk_kvm_copies_read(const struct xk_json *copies,
                   const struct xk_domain_config *config, struct xk_error *err)
{
    size_t wanted = 0;

    for (size_t i = 0; i < config->disk_count; i++)
        wanted += xk_kvm_is_copied(&config->disks[i]);
    if (xk_json_length(copies) != wanted)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the list of copies lacks some of its disks");
    for (size_t i = 0; i < wanted; i++) {
        const struct xk_json *copy = xk_json_at(copies, i);
        int64_t bytes = number_of(copy, "bytes");

        if (disk_of(copy, config) == NULL ||
            is_listed_before(copies, i, config) || bytes <= 0 ||
            bytes > BYTES_MAX || number_of(copy, "allocated") < 0)
            return xk_fail(err, XK_ERR_PROTOCOL,
                           "disk %zu in the list of copies is not valid", i);
    }
    return 0;
}

/* ---- checks ---- */

struct check {
    const struct xk_json *copies;
    const struct xk_domain_config *config;
    const struct xk_state *state;
    struct xk_problems *problems;
};

static void
complain(const struct check *check, const struct xk_disk *disk,
         const char *what)
{
    xk_problem_add(check->problems, XK_PROBLEM_ERROR, &disk->where,
                   "disk %s cannot be copied here: %s", disk->vdev, what);
}

static char *
folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL || slash == path)
        return xk_strdup(slash == NULL ? "." : "/");
    return xk_strndup(path, (size_t)(slash - path));
}

/* Copies with a lower index take room on the same file system too: count
 * them. */
static void
check_room(const struct check *check, size_t index, const char *folder,
           const struct statvfs *fs)
{
    const struct xk_disk *disk =
        disk_of(xk_json_at(check->copies, index), check->config);
    uint64_t room = (uint64_t)fs->f_bavail * fs->f_frsize, wanted = 0;
    XK_CLEANUP_FREE char *what = NULL;

    for (size_t i = 0; i <= index; i++) {
        const struct xk_json *copy = xk_json_at(check->copies, i);
        XK_CLEANUP_FREE char *other =
            folder_of(disk_of(copy, check->config)->target);
        struct statvfs its;

        if (statvfs(other, &its) == 0 && its.f_fsid == fs->f_fsid)
            wanted += (uint64_t)number_of(copy, "allocated");
    }
    if (wanted <= room)
        return;
    what = xk_asprintf("%" PRIu64 " MiB are needed in \"%s\", %" PRIu64
                       " MiB are free",
                       wanted >> 20, folder, room >> 20);
    complain(check, disk, what);
}

static void
check_missing(const struct check *check, size_t index,
              const struct xk_disk *disk)
{
    XK_CLEANUP_FREE char *folder = folder_of(disk->target);
    XK_CLEANUP_FREE char *what = NULL;
    struct statvfs fs;

    if (access(folder, W_OK | X_OK) == -1 || statvfs(folder, &fs) == -1) {
        what = xk_asprintf("\"%s\" cannot be made: directory \"%s\": %s",
                           disk->target, folder, strerror(errno));
        complain(check, disk, what);
        return;
    }
    check_room(check, index, folder, &fs);
}

/* The size that the guest sees; -1 if it cannot be read. */
static int64_t
virtual_size(const struct xk_image_layer *layer)
{
    uint64_t bytes;

    if (layer->format == XK_FORMAT_RAW)
        return lseek(layer->fd, 0, SEEK_END);
    if (pread(layer->fd, &bytes, sizeof(bytes), QCOW2_SIZE_AT) !=
        (ssize_t)sizeof(bytes))
        return -1;
    return (int64_t)be64toh(bytes);
}

static void
check_present(const struct check *check, const struct xk_disk *disk,
              int64_t bytes)
{
    XK_CLEANUP_FREE char *what = NULL;
    struct xk_image image = {0};
    struct xk_error err = {0};
    int64_t here;

    if (xk_image_open(disk->target, disk->format, true, &image, &err) == -1 ||
        xk_image_check_free(&image, check->state, &err) == -1) {
        complain(check, disk, err.message);
        xk_image_close(&image);
        return;
    }
    here = virtual_size(&image.layers[0]);
    xk_image_close(&image);
    if (here == bytes)
        return;
    what = xk_asprintf("\"%s\" exists with %" PRId64 " bytes, not %" PRId64
                       ": remove it, or make it as large",
                       disk->target, here, bytes);
    complain(check, disk, what);
}

void
xk_kvm_copies_check(const struct xk_json *copies,
                    const struct xk_domain_config *config,
                    const struct xk_state *state, struct xk_problems *problems)
{
    const struct check check = {copies, config, state, problems};

    for (size_t i = 0; i < xk_json_length(copies); i++) {
        const struct xk_json *copy = xk_json_at(copies, i);
        const struct xk_disk *disk = disk_of(copy, config);
        struct stat st;

        if (disk->format != XK_FORMAT_RAW && disk->format != XK_FORMAT_QCOW2)
            complain(&check, disk, "only raw and qcow2 images can be made");
        else if (lstat(disk->target, &st) == -1 && errno == ENOENT)
            check_missing(&check, i, disk);
        else
            check_present(&check, disk, number_of(copy, "bytes"));
    }
}

/* ---- images ---- */

struct shape {
    enum xk_disk_format format;
    int64_t bytes;
};

static int
run_qemu_img(const char *const *argv, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf output = {0};
    XK_CLEANUP_BUF struct xk_buf errors = {0};
    int status;

    if (xk_process_run(argv, WORDS_MAX, &output, &errors,
                       xk_deadline_in_ms(MAKE_MS), &status, err) == -1)
        return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (errors.length > 0)
        errors.data[strcspn(errors.data, "\n")] = '\0';
    return xk_fail(err, XK_ERR_FAILED, "%.1000s",
                   errors.length > 0 ? errors.data : "qemu-img failed");
}

static int
fill_image(int fd, const char *path, const void *context, struct xk_error *err)
{
    const struct shape *shape = context;
    XK_CLEANUP_FREE char *bytes = xk_asprintf("%" PRId64, shape->bytes);
    const char *const argv[] = {"qemu-img",
                                "create",
                                "-q",
                                "-f",
                                xk_disk_format_qemu_name(shape->format),
                                path,
                                bytes,
                                NULL};

    if (shape->format != XK_FORMAT_RAW)
        return run_qemu_img(argv, err);
    return ftruncate(fd, shape->bytes) == -1
               ? xk_fail_errno(err, "make it %s bytes long", bytes)
               : 0;
}

int
xk_kvm_copies_make(const struct xk_record *record, const struct xk_json *copies,
                   const struct xk_domain_config *config, struct xk_error *err)
{
    for (size_t i = 0; i < xk_json_length(copies); i++) {
        const struct xk_json *copy = xk_json_at(copies, i);
        const struct xk_disk *disk = disk_of(copy, config);
        struct shape shape = {disk->format, number_of(copy, "bytes")};
        struct stat st;

        if (lstat(disk->target, &st) == 0 || errno != ENOENT)
            continue;
        if (xk_made_file(record, disk->target, fill_image, &shape, err) == -1)
            return xk_wrap(err, "image \"%s\"", disk->target);
    }
    return 0;
}

/* ---- the server ---- */

static int
serve_disk(struct xk_qmp *qmp, const char *vdev, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_FREE char *id = xk_asprintf("copy-%s", vdev);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *w = xk_json_writer_new(&text, false);
    char node[XK_KVM_DISK_NAME_SIZE];

    xk_kvm_disk_name(vdev, node);
    xk_json_open_object(w, NULL);
    xk_json_put_string(w, "type", "nbd");
    xk_json_put_string(w, "id", id);
    xk_json_put_string(w, "node-name", node);
    xk_json_put_string(w, "name", vdev);
    xk_json_put_bool(w, "writable", true);
    xk_json_close_object(w);
    xk_json_writer_free(w);
    return xk_qmp_execute(qmp, "block-export-add", text.data, NULL, deadline,
                          err);
}

/* We create the socket, because QEMU cannot create one. */
static int
start_server(struct xk_qmp *qmp, const struct xk_record *record,
             struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        xk_qmp_listen(record->dir_fd, XK_KVM_FILE_COPIES, err);

    if (fd == -1 || xk_qmp_send_fd(qmp, fd, "copies", deadline, err) == -1)
        return -1;
    return xk_qmp_execute(
        qmp, "nbd-server-start",
        "{\"addr\":{\"type\":\"fd\",\"data\":{\"str\":\"copies\"}}}", NULL,
        deadline, err);
}

int
xk_kvm_copies_serve(const struct xk_record *record,
                    const struct xk_json *copies, struct xk_deadline deadline,
                    struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp =
        xk_qmp_connect(record->dir_fd, XK_KVM_FILE_QMP, deadline, err);

    if (qmp == NULL || start_server(qmp, record, deadline, err) == -1)
        return -1;
    for (size_t i = 0; i < xk_json_length(copies); i++) {
        const char *vdev =
            xk_json_string(xk_json_get(xk_json_at(copies, i), "vdev"));

        if (serve_disk(qmp, vdev, deadline, err) == -1)
            return -1;
    }
    return 0;
}

/* Do not ask QEMU whether the server runs: the guest is paused meanwhile, and
 * QEMU 7.2 reads commands byte by byte. */
int
xk_kvm_copies_end(struct xk_qmp *qmp, const struct xk_record *record,
                  struct xk_deadline deadline, struct xk_error *err)
{
    if (unlinkat(record->dir_fd, XK_KVM_FILE_COPIES, 0) == -1)
        return errno == ENOENT
                   ? 0
                   : xk_fail_errno(err, "remove \"%s\"", XK_KVM_FILE_COPIES);
    return xk_qmp_execute(qmp, "nbd-server-stop", NULL, NULL, deadline, err);
}

int
xk_kvm_reach_copies(struct xk_hypervisor *hv, const struct xk_record *record,
                    struct xk_deadline deadline, struct xk_error *err)
{
    (void)hv;
    return xk_qmp_dial(record->dir_fd, XK_KVM_FILE_COPIES, deadline, err);
}
