/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disk images on the host: opened and checked for what they are, with the
 * files they build on, and whether another process holds them.
 *
 * A format is stated, never probed. What a header says of other files is read
 * here from the descriptor that QEMU will be given, so that QEMU opens nothing
 * by name.
 */
#ifndef XK_TOOLSTACK_IMAGE_IMAGE_H
#define XK_TOOLSTACK_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/record.h"

enum {
    XK_IMAGE_LAYERS_MAX = 16
};

/* One file of an image: the image itself, or one it builds on. */
struct xk_image_layer {
    char *path;
    enum xk_disk_format format;
    int fd;
    bool block;             /* a block device, else a regular file */
    bool read_write;        /* only ever the first */
    bool direct;            /* can be used past the page cache */
    uint64_t device, inode; /* which file; of a block device, which device */
};

/* layers[0] is the image; each builds on the next. A zeroed struct is none. */
struct xk_image {
    struct xk_image_layer layers[XK_IMAGE_LAYERS_MAX];
    size_t count;
};

/* Open an image and all it builds on. Errors are XK_ERR_CONFIG. Nothing is
 * locked. */
int xk_image_open(const char *path, enum xk_disk_format format, bool read_write,
                  struct xk_image *image, struct xk_error *err);
void xk_image_close(struct xk_image *image);

/* Whether another process has one of the files open so that QEMU would refuse
 * it: XK_ERR_IN_USE, naming the holder as well as may be. state names domains;
 * it may be NULL. */
int xk_image_check_free(const struct xk_image *image,
                        const struct xk_state *state, struct xk_error *err);

/* The file behind a loop device: 0, or -1 where the device is none. */
int xk_loop_file(dev_t device, struct stat *st);

/* What a header says of other files. */
struct xk_image_header {
    char backing[1024]; /* the name as it stands there; "": none */
    bool backing_format_given;
    enum xk_disk_format backing_format;
};

/* Read the header of an image of that format: XK_ERR_CONFIG where the file is
 * not of that format or needs something that QEMU must not open. path is for
 * messages. */
int xk_image_read_header(int fd, const char *path, enum xk_disk_format format,
                         struct xk_image_header *header, struct xk_error *err);

#endif
