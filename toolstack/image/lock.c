/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has an image. We look for locks as QEMU does (image-helpers/lock.h), so
 * that a person is told who has the image before anything is made. QEMU looks
 * again, and its answer counts.
 */
#include "toolstack/image/image.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "image-helpers/lock.h"
#include "toolstack/record_config.h"

enum {
    CMDLINE_MAX = 256 * 1024,
    FDINFO_MAX = 64 * 1024,
};

/* QEMU's drivers of all formats but raw let the file grow. */
static enum xk_image_use
use_of(const struct xk_image_layer *layer)
{
    if (!layer->read_write)
        return XK_IMAGE_READ;
    return layer->format == XK_FORMAT_RAW ? XK_IMAGE_WRITE : XK_IMAGE_RESIZE;
}

static bool
is_held(const struct xk_image_layer *layer)
{
    return xk_image_locks_conflict(layer->fd, use_of(layer));
}

/* Whether descriptor `name` of the process open at pid_fd is the image, with
 * locks on it. */
static bool
descriptor_locks(int pid_fd, const char *name,
                 const struct xk_image_layer *layer)
{
    XK_CLEANUP_BUF struct xk_buf info = {0};
    char path[64];
    struct statx st;
    uint64_t device, inode;

    snprintf(path, sizeof(path), "fd/%.20s", name);
    /* A server that does not answer is not asked. */
    if (statx(pid_fd, path, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &st) ==
        -1)
        return false;
    device = S_ISBLK(st.stx_mode) ? UINT64_MAX
                                  : makedev(st.stx_dev_major, st.stx_dev_minor);
    inode = S_ISBLK(st.stx_mode) ? makedev(st.stx_rdev_major, st.stx_rdev_minor)
                                 : st.stx_ino;
    if (device != layer->device || inode != layer->inode)
        return false;
    snprintf(path, sizeof(path), "fdinfo/%.20s", name);
    return xk_read_file(pid_fd, path, FDINFO_MAX, &info, NULL) == 0 &&
           strstr(info.data, "OFDLCK") != NULL;
}

static bool
process_holds(const char *pid, const struct xk_image_layer *layer)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("/proc/%s", pid);
    XK_CLEANUP_CLOSE int pid_fd = -1;
    XK_CLEANUP_DIR DIR *dir = NULL;
    int fd;
    const struct dirent *entry;

    pid_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (pid_fd == -1)
        return false;
    fd = openat(pid_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return false;
    dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return false;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]) &&
            descriptor_locks(pid_fd, entry->d_name, layer))
            return true;
    }
    return false;
}

/* The process that holds the image; 0 where it cannot be seen. */
static pid_t
find_process(const struct xk_image_layer *layer)
{
    XK_CLEANUP_DIR DIR *proc = opendir("/proc");
    const struct dirent *entry;
    uint64_t pid;

    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        if (xk_parse_u64(entry->d_name, INT32_MAX, &pid) &&
            (pid_t)pid != getpid() && process_holds(entry->d_name, layer))
            return (pid_t)pid;
    }
    return 0;
}

/* The word after `option` on a command line of words ended by NUL. */
static const char *
option_of(const struct xk_buf *words, const char *option)
{
    const char *end = words->data + words->length;

    for (const char *p = words->data; p < end; p += strlen(p) + 1) {
        const char *next = p + strlen(p) + 1;

        if (strcmp(p, option) == 0 && next < end)
            return next;
    }
    return NULL;
}

/* The name that the domain of that QEMU has now, or had at its start. */
static char *
domain_of(const struct xk_buf *words, const struct xk_state *state)
{
    const char *uuid_text = option_of(words, "-uuid");
    struct xk_uuid uuid;
    struct xk_error ignored;
    XK_CLEANUP_RECORD struct xk_record *record = NULL;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;

    if (state == NULL || uuid_text == NULL || !xk_uuid_parse(uuid_text, &uuid))
        return NULL;
    record = xk_record_open(state, &uuid, &ignored);
    if (record == NULL)
        return NULL;
    config = xk_record_load_config(record, &ignored);
    return config != NULL ? xk_strdup(config->name) : NULL;
}

/* "domain "NAME"", or "QEMU "NAME" (pid N)" of another toolstack, or
 * "process N (PROGRAM)". */
static char *
describe_process(pid_t pid, const struct xk_state *state)
{
    XK_CLEANUP_BUF struct xk_buf words = {0};
    XK_CLEANUP_FREE char *path = xk_asprintf("/proc/%d/cmdline", (int)pid);
    XK_CLEANUP_FREE char *domain = NULL;
    const char *name;

    if (xk_read_file(AT_FDCWD, path, CMDLINE_MAX, &words, NULL) == -1 ||
        words.length == 0)
        return xk_asprintf("process %d", (int)pid);
    domain = domain_of(&words, state);
    if (domain != NULL)
        return xk_asprintf("domain \"%s\"", domain);
    name = option_of(&words, "-name");
    if (name == NULL)
        return xk_asprintf("process %d (%s)", (int)pid, words.data);
    if (strncmp(name, "guest=", 6) == 0)
        name += 6;
    return xk_asprintf("QEMU \"%.*s\" (process %d)", (int)strcspn(name, ","),
                       name, (int)pid);
}

/* A lock outlives its process as long as the kernel has a request by it. */
static char *
unseen_holder(void)
{
    return xk_strdup(geteuid() == 0
                         ? "requests of a process that has ended, which are "
                           "still under way"
                         : "another process, which only root can name");
}

/* ---- loop devices ---- */

/* What a line of sysfs says, without its end: the caller's, NULL: nothing. */
static char *
read_sysfs(const char *path)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (xk_read_file(AT_FDCWD, path, FDINFO_MAX, &text, NULL) == -1 ||
        text.length == 0)
        return NULL;
    text.data[strcspn(text.data, "\n")] = '\0';
    return xk_buf_take(&text);
}

int
xk_loop_file(dev_t device, struct stat *st)
{
    XK_CLEANUP_FREE char *path = xk_asprintf(
        "/sys/dev/block/%u:%u/loop/backing_file", major(device), minor(device));
    XK_CLEANUP_FREE char *file = read_sysfs(path);

    return file != NULL && stat(file, st) == 0 ? 0 : -1;
}

/* The loop device that shows the file of a layer; the caller's, NULL: none. It
 * knows nothing of locks. */
static char *
find_loop(const struct xk_image_layer *layer)
{
    XK_CLEANUP_DIR DIR *dir = opendir("/sys/block");
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        XK_CLEANUP_FREE char *path = NULL;
        XK_CLEANUP_FREE char *file = NULL;
        struct stat st;

        if (strncmp(entry->d_name, "loop", 4) != 0)
            continue;
        path = xk_asprintf("/sys/block/%s/loop/backing_file", entry->d_name);
        file = read_sysfs(path);
        if (file != NULL && stat(file, &st) == 0 &&
            st.st_dev == layer->device && st.st_ino == layer->inode)
            return xk_asprintf("/dev/%s", entry->d_name);
    }
    return NULL;
}

/* The file behind a block layer that is a loop device may be held by its own
 * name. */
static bool
file_is_held(const struct xk_image_layer *layer)
{
    struct xk_image_layer file = *layer;
    XK_CLEANUP_FREE char *path = NULL;
    XK_CLEANUP_FREE char *name = NULL;
    XK_CLEANUP_CLOSE int fd = -1;
    struct stat st;

    if (!layer->block || fstat(layer->fd, &st) == -1)
        return false;
    path = xk_asprintf("/sys/dev/block/%u:%u/loop/backing_file",
                       major(st.st_rdev), minor(st.st_rdev));
    name = read_sysfs(path);
    if (name == NULL)
        return false;
    fd = file.fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd != -1 && is_held(&file);
}

int
xk_image_check_free(const struct xk_image *image, const struct xk_state *state,
                    struct xk_error *err)
{
    for (size_t i = 0; i < image->count; i++) {
        const struct xk_image_layer *layer = &image->layers[i];
        XK_CLEANUP_FREE char *holder = NULL;
        XK_CLEANUP_FREE char *loop = NULL;
        pid_t pid;

        if (!layer->block && layer->read_write)
            loop = find_loop(layer);
        if (loop != NULL)
            return xk_fail(err, XK_ERR_IN_USE,
                           "image \"%s\" is in use by loop device %s: use "
                           "that, or take it away (losetup -d)",
                           layer->path, loop);
        if (!is_held(layer) && !file_is_held(layer))
            continue;
        pid = find_process(layer);
        holder = pid != 0 ? describe_process(pid, state) : unseen_holder();
        return xk_fail(err, XK_ERR_IN_USE, "image \"%s\" is in use by %s",
                       layer->path, holder);
    }
    return 0;
}
