/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/device/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"
#include "toolstack/config/vdev.h"
#include "toolstack/image/image.h"
#include "xenstore-helpers/paths.h"

enum {
    JSON_MAX = 64 * 1024,
    DEVICE_VERSION = 1, /* backends/config.c reads the same */
};

#define PREFIX "vbd-"
#define FILE_NAME "device.json"
#define LEAVING "leaving"
#define GONE "gone-" /* what is left of a directory that was taken away */

/* ---- before anything is made ---- */

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

/* ---- those there are ---- */

static void
free_vbd(struct xk_vbd *vbd)
{
    free(vbd->path);
    free(vbd->unknown);
    xk_json_cleanup(&vbd->document);
}

void
xk_vbds_free(struct xk_vbds *vbds)
{
    for (size_t i = 0; i < vbds->count; i++)
        free_vbd(&vbds->items[i]);
    free(vbds->items);
    *vbds = (struct xk_vbds){0};
}

/* A path may be told even by a file of another version. */
static const char *
take_path(const struct xk_json *json, const char *name)
{
    const char *path = xk_json_string(xk_json_get(json, name));

    return path != NULL && path[0] == '/' ? path : NULL;
}

static int
take_json(struct xk_vbd *vbd, struct xk_error *err)
{
    const struct xk_json *json = vbd->document;

    vbd->frontend = take_path(json, "frontend");
    vbd->backend = take_path(json, "backend");
    if (xk_json_check_version(json, DEVICE_VERSION, err) == -1)
        return -1;
    if (vbd->frontend == NULL || vbd->backend == NULL)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "no paths \"frontend\" and \"backend\"");
    vbd->vdev = xk_json_need_string(json, "vdev", err);
    if (vbd->vdev == NULL)
        return -1;
    vbd->target = xk_json_need_string(json, "target", err);
    if (vbd->target == NULL)
        return -1;
    vbd->format = xk_json_need_string(json, "format", err);
    return vbd->format == NULL ? -1 : 0;
}

/* The lock is made by whoever serves it first, before anything else. In doubt
 * somebody did. */
bool
xk_vbd_is_new(const struct xk_vbd *vbd)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/lock", vbd->path);

    return access(path, F_OK) == -1 && errno == ENOENT;
}

/* A directory without a file is of a process that was killed before there was
 * any more, unless somebody has served the disk: then its file is lost. A file
 * is there whole, so one that is not understood is of another xk. */
static char *
read_document(struct xk_vbd *vbd)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_FREE char *file = xk_asprintf("%s/" FILE_NAME, vbd->path);
    struct xk_error err = {0};

    if (xk_read_file(AT_FDCWD, file, JSON_MAX, &text, &err) == -1) {
        if (err.errnum != ENOENT)
            return xk_strdup(err.message);
        return xk_vbd_is_new(vbd)
                   ? NULL
                   : xk_asprintf("\"%s\" is missing: the disk is served on "
                                 "without it, and its domain can only be "
                                 "destroyed",
                                 file);
    }
    vbd->document = xk_json_parse(text.data, text.length, file, &err);
    if (vbd->document != NULL && take_json(vbd, &err) == 0) {
        vbd->json = vbd->document;
        return NULL;
    }
    return xk_asprintf("\"%s\": %s", file, err.message);
}

static void
read_vbd(const struct xk_record *record, unsigned number, struct xk_vbd *vbd)
{
    *vbd = (struct xk_vbd){.number = number};
    vbd->path = xk_asprintf("%s/" PREFIX "%u", record->path, number);
    vbd->unknown = read_document(vbd);
    if (vbd->unknown != NULL && vbd->vdev == NULL)
        vbd->vdev = "?";
}

int
xk_vbd_need_known(const struct xk_vbd *vbd, struct xk_error *err)
{
    if (vbd->unknown == NULL)
        return 0;
    return xk_fail(err, XK_ERR_UNSUPPORTED, "disk %u: %s", vbd->number,
                   vbd->unknown);
}

static int
by_number(const void *a, const void *b)
{
    const struct xk_vbd *left = a, *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

static int
fail_list(struct xk_vbds *vbds, struct xk_error *err)
{
    xk_fail_errno(err, "read the record of the domain");
    xk_vbds_free(vbds);
    return -1;
}

int
xk_vbds_list(const struct xk_record *record, struct xk_vbds *vbds,
             struct xk_error *err)
{
    int fd = openat(record->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    XK_CLEANUP_DIR DIR *dir = fd == -1 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    uint64_t number;

    *vbds = (struct xk_vbds){0};
    if (dir == NULL)
        return xk_fail_errno(err, "read the record of the domain");
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
            !xk_parse_u64(entry->d_name + strlen(PREFIX), UINT32_MAX, &number))
            continue;
        XK_GROW(vbds->items, vbds->count);
        read_vbd(record, (unsigned)number, &vbds->items[vbds->count++]);
    }
    if (errno != 0)
        return fail_list(vbds, err);
    if (vbds->count > 1)
        qsort(vbds->items, vbds->count, sizeof(*vbds->items), by_number);
    return 0;
}

int
xk_vbds_list_known(const struct xk_record *record, struct xk_vbds *vbds,
                   struct xk_error *err)
{
    if (xk_vbds_list(record, vbds, err) == -1)
        return -1;
    for (size_t i = 0; i < vbds->count; i++) {
        if (xk_vbd_need_known(&vbds->items[i], err) == -1)
            return -1;
    }
    return 0;
}

const struct xk_vbd *
xk_vbds_find(const struct xk_vbds *vbds, unsigned number)
{
    for (size_t i = 0; i < vbds->count; i++) {
        if (vbds->items[i].number == number)
            return &vbds->items[i];
    }
    return NULL;
}

/* ---- made ---- */

static bool
needs_no_daemon(enum xk_disk_format format)
{
    return format == XK_FORMAT_RAW || format == XK_FORMAT_EMPTY;
}

static void
put_device(const struct xk_vbd *vbd, unsigned domid, const struct xk_disk *disk,
           struct xk_buf *text)
{
    bool by_name = needs_no_daemon(disk->format);
    const char *target = disk->target != NULL ? disk->target : "";
    XK_CLEANUP_FREE char *front = xk_path_frontend(domid, "vbd", vbd->number);
    XK_CLEANUP_FREE char *back =
        xk_path_backend(0, XK_VBD_KIND, domid, vbd->number);
    XK_CLEANUP_FREE char *nbd = xk_asprintf("%s/nbd", vbd->path);
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(text, false);
    struct stat st;

    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, XK_JSON_VERSION, DEVICE_VERSION);
    xk_json_put_integer(writer, "domid", domid);
    xk_json_put_integer(writer, "devid", vbd->number);
    xk_json_put_integer(writer, "uid", XK_VBD_FIRST_UID + (int64_t)domid);
    xk_json_put_integer(writer, "gid", XK_VBD_FIRST_UID + (int64_t)domid);
    xk_json_put_string(writer, "vdev", disk->vdev);
    xk_json_put_string(writer, "frontend", front);
    xk_json_put_string(writer, "backend", back);
    xk_json_put_string(writer, "target", target);
    xk_json_put_string(writer, "format", xk_disk_format_name(disk->format));
    xk_json_put_string(writer, "engine", by_name ? "file" : "nbd");
    if (!by_name)
        xk_json_put_string(writer, "socket", nbd);
    xk_json_put_bool(writer, "readonly", !disk->read_write || disk->cdrom);
    xk_json_put_bool(writer, "cdrom", disk->cdrom);
    xk_json_put_bool(writer, "discard", disk->discard);
    xk_json_put_bool(writer, "untrusted", disk->untrusted);
    /* A file is better served from the host's memory; a flush makes it last. */
    xk_json_put_bool(writer, "direct",
                     disk->direct_io_safe ||
                         (stat(target, &st) == 0 && S_ISBLK(st.st_mode)));
    xk_json_close_object(writer);
}

static int
check_uid(unsigned domid, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int etc = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (etc == -1)
        return xk_fail_errno(err, "open \"/etc\"");
    if (xk_uid_check_nobodys(etc, XK_VBD_FIRST_UID + domid, err) == -1)
        return xk_fail(err, XK_ERR_HOST,
                       "user %u is for the disks of domain %u: %s",
                       XK_VBD_FIRST_UID + domid, domid, err->message);
    return 0;
}

static int
make_directory(const struct xk_record *record, unsigned domid,
               const struct xk_disk *disk, struct xk_vbd *vbd,
               struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_CLOSE int fd = -1;
    unsigned number = xk_disk_number(disk);

    *vbd = (struct xk_vbd){.number = number};
    vbd->path = xk_asprintf("%s/" PREFIX "%u", record->path, number);
    if (check_uid(domid, err) == -1)
        return -1;
    if (mkdir(vbd->path, 0700) == -1)
        return errno == EEXIST
                   ? xk_fail(err, XK_ERR_EXISTS, "there is a disk %s already",
                             disk->vdev)
                   : xk_fail_errno(err, "make \"%s\"", vbd->path);
    fd = open(vbd->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put_device(vbd, domid, disk, &text);
    if (fd == -1 ||
        xk_write_file(fd, FILE_NAME, text.data, text.length, false, err) == -1)
        return -1;
    free_vbd(vbd);
    read_vbd(record, number, vbd);
    return vbd->json != NULL ? 0
                             : xk_fail(err, XK_ERR_FAILED,
                                       "\"%s\" does not read back", vbd->path);
}

int
xk_vbd_attach(struct xk_xen *xen, const struct xk_record *record,
              unsigned domid, const struct xk_disk *disk,
              struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_vbd vbd;
    int r = make_directory(record, domid, disk, &vbd, err);

    if (r == 0)
        r = xk_vbd_make_nodes(xen, &vbd, domid, deadline, err);
    if (r == 0)
        r = xk_vbd_start(&vbd, deadline, err);
    free_vbd(&vbd);
    return r == 0 ? 0 : xk_wrap(err, "disk %s", disk->vdev);
}

/* Numbers go by domids, which a host has one of. A process that is that user
 * before the first disk is left of another domain, or is a stranger's. */
static int
check_processes(const struct xk_record *record, unsigned domid,
                struct xk_error *err)
{
    struct xk_vbds vbds = {0};
    bool is_first;

    if (xk_vbds_list(record, &vbds, err) == -1)
        return -1;
    is_first = vbds.count == 0;
    xk_vbds_free(&vbds);
    if (is_first && xk_uid_has_process(XK_VBD_FIRST_UID + domid))
        return xk_fail(err, XK_ERR_HOST,
                       "user %u is for the disks of domain %u, and a process "
                       "is that user already",
                       XK_VBD_FIRST_UID + domid, domid);
    return 0;
}

static bool
has_ours(const struct xk_domain_config *config)
{
    for (size_t i = 0; i < config->disk_count; i++) {
        if (xk_vbd_is_ours(config, &config->disks[i]))
            return true;
    }
    return false;
}

int
xk_vbds_attach(struct xk_xen *xen, const struct xk_record *record,
               unsigned domid, const struct xk_domain_config *config,
               struct xk_deadline deadline, struct xk_error *err)
{
    if (has_ours(config) && check_processes(record, domid, err) == -1)
        return -1;
    for (size_t i = 0; i < config->disk_count; i++) {
        if (xk_vbd_is_ours(config, &config->disks[i]) &&
            xk_vbd_attach(xen, record, domid, &config->disks[i], deadline,
                          err) == -1)
            return -1;
    }
    return 0;
}

int
xk_vbd_change(const struct xk_record *record, const struct xk_vbd *vbd,
              unsigned domid, const struct xk_disk *disk,
              struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        open(vbd->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_vbd changed;
    int r;

    put_device(vbd, domid, disk, &text);
    if (fd == -1)
        return xk_fail_errno(err, "open \"%s\"", vbd->path);
    if (xk_vbd_stop(vbd, deadline, err) == -1 ||
        xk_write_file(fd, FILE_NAME, text.data, text.length, false, err) == -1)
        return -1;
    read_vbd(record, vbd->number, &changed);
    r = xk_vbd_start(&changed, deadline, err);
    free_vbd(&changed);
    return r;
}

/* ---- stopped, started, removed ---- */

int
xk_vbd_mark_leaving(const struct xk_vbd *vbd, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" LEAVING, vbd->path);
    XK_CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    return fd == -1 ? xk_fail_errno(err, "make \"%s\"", path) : 0;
}

bool
xk_vbd_is_leaving(const struct xk_vbd *vbd)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" LEAVING, vbd->path);

    return access(path, F_OK) == 0;
}

int
xk_vbds_stop(const struct xk_record *record, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};

    if (xk_vbds_list_known(record, &vbds, err) == -1)
        return -1;
    for (size_t i = 0; i < vbds.count; i++) {
        if (xk_vbd_check_whole(&vbds.items[i], deadline, err) == -1)
            return -1;
    }
    for (size_t i = 0; i < vbds.count; i++)
        xk_vbd_begin_stop(&vbds.items[i]);
    for (size_t i = 0; i < vbds.count; i++) {
        if (xk_vbd_stop(&vbds.items[i], deadline, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_vbds_flush(const struct xk_record *record, struct xk_deadline deadline,
              struct xk_error *err)
{
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};

    if (xk_vbds_list_known(record, &vbds, err) == -1)
        return -1;
    for (size_t i = 0; i < vbds.count; i++) {
        if (vbds.items[i].json != NULL &&
            xk_vbd_flush(&vbds.items[i], deadline, err) == -1)
            return -1;
    }
    return 0;
}

bool
xk_vbds_need_start(const struct xk_record *record)
{
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};
    bool need = false;

    if (xk_vbds_list(record, &vbds, NULL) == -1)
        return false;
    for (size_t i = 0; i < vbds.count; i++)
        need = need || (vbds.items[i].json != NULL &&
                        !xk_vbd_is_served(&vbds.items[i]));
    return need;
}

int
xk_vbd_start_new(struct xk_xen *xen, const struct xk_vbd *vbd,
                 struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_vbd_need_nodes(xen, vbd, deadline, err) == -1 ||
        xk_vbd_start(vbd, deadline, err) == -1)
        return xk_wrap(err, "disk %s", vbd->vdev);
    return 0;
}

/* 1: it is served again. One that is not understood is served on without. */
static int
start(struct xk_xen *xen, const struct xk_vbd *vbd, struct xk_deadline deadline,
      struct xk_error *err)
{
    if (xk_vbd_is_served(vbd))
        return 0;
    if (xk_vbd_need_known(vbd, err) == -1)
        return -1;
    if (vbd->json == NULL)
        return 0;
    if (xk_vbd_is_leaving(vbd)) {
        int left = xk_vbd_has_left(xen, vbd, deadline, err);

        if (left != 0)
            return left == 1 ? 0 : -1;
    }
    if (xk_vbd_is_new(vbd))
        return xk_vbd_start_new(xen, vbd, deadline, err) == -1 ? -1 : 1;
    if (xk_vbd_start(vbd, deadline, err) == -1)
        return xk_wrap(err, "disk %s", vbd->vdev);
    return 1;
}

/* One that cannot be served must not keep the others from it. */
int
xk_vbds_start(struct xk_xen *xen, const struct xk_record *record,
              struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};
    int r = 0;

    if (xk_vbds_list(record, &vbds, err) == -1)
        return -1;
    for (size_t i = 0; i < vbds.count; i++) {
        const struct xk_vbd *vbd = &vbds.items[i];
        int started = start(xen, vbd, deadline, err);

        if (started == -1)
            r = -1;
        if (started == 1)
            xk_info("domain %s: disk %s is served again", record->uuid_text,
                    vbd->vdev);
    }
    return r;
}

/* By one step it is no disk any more, wherever we are killed. What such a kill
 * left behind goes first. */
static int
remove_directory(const struct xk_record *record, const struct xk_vbd *vbd,
                 struct xk_error *err)
{
    XK_CLEANUP_FREE char *gone = xk_asprintf(GONE "%u", vbd->number);
    const char *name = strrchr(vbd->path, '/') + 1;

    if (xk_remove_tree(record->dir_fd, gone, err) == -1)
        return -1;
    if (renameat(record->dir_fd, name, record->dir_fd, gone) == -1)
        return errno == ENOENT ? 0
                               : xk_fail_errno(err, "remove \"%s\"", vbd->path);
    return xk_remove_tree(record->dir_fd, gone, err);
}

int
xk_vbd_remove(struct xk_xen *xen, const struct xk_record *record,
              const struct xk_vbd *vbd, struct xk_deadline deadline,
              struct xk_error *err)
{
    if (xk_vbd_abandon(vbd, deadline, err) == -1 ||
        (vbd->frontend != NULL && vbd->backend != NULL &&
         xk_vbd_remove_nodes(xen, vbd, deadline, err) == -1))
        return -1;
    return remove_directory(record, vbd, err);
}

int
xk_vbds_remove(struct xk_xen *xen, const struct xk_record *record,
               struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};

    if (xk_vbds_list(record, &vbds, err) == -1)
        return -1;
    for (size_t i = 0; i < vbds.count; i++)
        xk_vbd_begin_stop(&vbds.items[i]);
    for (size_t i = 0; i < vbds.count; i++) {
        if (xk_vbd_remove(xen, record, &vbds.items[i], deadline, err) == -1)
            return -1;
    }
    return 0;
}
