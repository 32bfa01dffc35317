/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

enum {
    SECTOR = 512
};

static int
cannot(const char *path, const char *why, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_CONFIG, "image \"%s\" %s", path, why);
}

/* Return the size of a file or block device in bytes; -1 with errno. */
static int64_t
size_of(int fd, const struct stat *st)
{
    uint64_t bytes;

    if (!S_ISBLK(st->st_mode))
        return st->st_size;
    if (ioctl(fd, BLKGETSIZE64, &bytes) == -1)
        return -1;
    return (int64_t)bytes;
}

static int
check_file(int fd, struct xk_image_layer *layer, struct xk_error *err)
{
    struct stat st;
    int64_t bytes;

    if (fstat(fd, &st) == -1)
        return xk_fail_errno(err, "stat \"%s\"", layer->path);
    if (S_ISDIR(st.st_mode))
        return cannot(layer->path, "is a directory", err);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return cannot(layer->path, "is neither a file nor a block device", err);
    bytes = size_of(fd, &st);
    if (bytes == -1)
        return xk_fail_errno(err, "size of \"%s\"", layer->path);
    if (bytes == 0)
        return cannot(layer->path, "is empty", err);
    if (layer->format == XK_FORMAT_RAW && bytes % SECTOR != 0)
        return xk_fail(err, XK_ERR_CONFIG,
                       "image \"%s\" has %lld bytes, which is not a multiple "
                       "of %d; truncate -s %%%d rounds it up",
                       layer->path, (long long)bytes, SECTOR, SECTOR);
    layer->block = S_ISBLK(st.st_mode);
    layer->device = layer->block ? UINT64_MAX : st.st_dev;
    layer->inode = layer->block ? st.st_rdev : st.st_ino;
    if (layer->block && xk_loop_file(st.st_rdev, &st) == 0) {
        /* Identify a loop device by the file behind it, whatever its name
         * here. */
        layer->device = st.st_dev;
        layer->inode = st.st_ino;
    }
    return 0;
}

/* Whether O_DIRECT works: not every file system supports it (tmpfs). */
static bool
can_be_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags == -1 || fcntl(fd, F_SETFL, flags | O_DIRECT) == -1)
        return false;
    return fcntl(fd, F_SETFL, flags) == 0;
}

static int
open_layer(struct xk_image_layer *layer, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct stat st;

    /* Stat before opening: opening a device may have effects, and opening a
     * FIFO waits. */
    if (stat(layer->path, &st) == -1)
        return cannot(layer->path,
                      errno == ENOENT ? "does not exist" : strerror(errno),
                      err);
    fd = open(layer->path, (layer->read_write ? O_RDWR : O_RDONLY) | O_CLOEXEC |
                               O_NONBLOCK | O_NOCTTY);
    if (fd == -1 && S_ISDIR(st.st_mode))
        return cannot(layer->path, "is a directory", err);
    if (fd == -1)
        return xk_fail(err, XK_ERR_CONFIG, "image \"%s\" cannot be %s: %s",
                       layer->path, layer->read_write ? "written" : "read",
                       strerror(errno));
    if (check_file(fd, layer, err) == -1)
        return -1;
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == -1)
        return xk_fail_errno(err, "open \"%s\"", layer->path);
    /* Another host may have written to the device since we last read it: drop
     * the cached pages. */
    if (layer->block)
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    layer->direct = can_be_direct(fd);
    layer->fd = xk_take_fd(&fd);
    return 0;
}

/* An image of another user may name any file as its backing file. It gets only
 * files that its owner may read, not those that we may. */
static int
check_owner(const struct xk_image_layer *above,
            const struct xk_image_layer *below, struct xk_error *err)
{
    struct stat upper, lower;

    if (fstat(above->fd, &upper) == -1 || fstat(below->fd, &lower) == -1)
        return xk_fail_errno(err, "stat \"%s\"", below->path);
    if (upper.st_uid == 0 || upper.st_uid == geteuid() ||
        upper.st_uid == lower.st_uid || (lower.st_mode & S_IROTH) != 0 ||
        (upper.st_gid == lower.st_gid && (lower.st_mode & S_IRGRP) != 0))
        return 0;
    return xk_fail(err, XK_ERR_CONFIG,
                   "image \"%s\" builds on \"%s\", which its owner (uid %u) "
                   "may not read",
                   above->path, below->path, (unsigned)upper.st_uid);
}

/* Return the path of the backing file `name`, which is relative to the
 * image. */
static char *
backing_path(const struct xk_image_layer *above, const char *name)
{
    const char *slash = strrchr(above->path, '/');

    if (strncmp(name, "file:", 5) == 0)
        name += 5;
    if (name[0] == '/' || slash == NULL)
        return xk_strdup(name);
    return xk_asprintf("%.*s/%s", (int)(slash - above->path), above->path,
                       name);
}

static int
check_backing(const struct xk_image_layer *above,
              const struct xk_image_header *header, struct xk_error *err)
{
    const char *name = header->backing;
    size_t scheme = strcspn(name, ":/");

    if (name[scheme] == ':' && strncmp(name, "file:/", 6) != 0)
        return xk_fail(err, XK_ERR_CONFIG,
                       "image \"%s\" builds on \"%s\", which is not a file",
                       above->path, name);
    if (!header->backing_format_given)
        return xk_fail(err, XK_ERR_CONFIG,
                       "image \"%s\" does not state the format of \"%s\", "
                       "which it builds on; qemu-img rebase -u -F FORMAT -b "
                       "\"%s\" \"%s\" adds it",
                       above->path, name, name, above->path);
    return 0;
}

static int
check_no_cycle(const struct xk_image *image, struct xk_error *err)
{
    const struct xk_image_layer *last = &image->layers[image->count - 1];

    for (size_t i = 0; i + 1 < image->count; i++) {
        if (image->layers[i].device == last->device &&
            image->layers[i].inode == last->inode)
            return cannot(image->layers[0].path, "builds on itself", err);
    }
    return 0;
}

/* Open the next layer. Takes ownership of path. */
static int
add_layer(struct xk_image *image, char *path, enum xk_disk_format format,
          bool read_write, struct xk_error *err)
{
    struct xk_image_layer *layer = &image->layers[image->count];

    *layer = (struct xk_image_layer){
        .path = path, .format = format, .fd = -1, .read_write = read_write};
    image->count++;
    if (open_layer(layer, err) == -1 || check_no_cycle(image, err) == -1)
        return -1;
    if (image->count == 1)
        return 0;
    return check_owner(layer - 1, layer, err);
}

int
xk_image_open(const char *path, enum xk_disk_format format, bool read_write,
              struct xk_image *image, struct xk_error *err)
{
    struct xk_image_header header;

    memset(image, 0, sizeof(*image));
    if (add_layer(image, xk_strdup(path), format, read_write, err) == -1)
        goto fail;
    for (;;) {
        const struct xk_image_layer *last = &image->layers[image->count - 1];

        if (xk_image_read_header(last->fd, last->path, last->format, &header,
                                 err) == -1)
            goto fail;
        if (header.backing[0] == '\0')
            return 0;
        if (image->count == XK_IMAGE_LAYERS_MAX) {
            xk_fail(err, XK_ERR_CONFIG,
                    "image \"%s\" builds on more than %d others", path,
                    XK_IMAGE_LAYERS_MAX - 1);
            goto fail;
        }
        if (check_backing(last, &header, err) == -1 ||
            add_layer(image, backing_path(last, header.backing),
                      header.backing_format, false, err) == -1)
            goto fail;
    }
fail:
    xk_image_close(image);
    return -1;
}

void
xk_image_close(struct xk_image *image)
{
    for (size_t i = 0; i < image->count; i++) {
        if (image->layers[i].fd != -1)
            close(image->layers[i].fd);
        free(image->layers[i].path);
    }
    memset(image, 0, sizeof(*image));
}
