/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disk images on the host: open them and their backing files, check what they
 * are, and find out whether another process holds them.
 *
 * A format is stated, never probed. References to other files are read here,
 * from the descriptor that QEMU gets, so that QEMU opens nothing by name.
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

/* One file of an image: the image itself, or one of its backing files. */
struct xk_image_layer {
    char *path;
    enum xk_disk_format format;
    int fd;
    bool block;             /* a block device, else a regular file */
    bool read_write;        /* only the first layer can be */
    bool direct;            /* supports O_DIRECT */
    uint64_t device, inode; /* which file, or which block device */
};

/* layers[0] is the image; each layer builds on the next. A zeroed struct has no
 * layers. */
struct xk_image {
    struct xk_image_layer layers[XK_IMAGE_LAYERS_MAX];
    size_t count;
};

/* Open an image and all its backing files. Errors are XK_ERR_CONFIG. Takes no
 * locks. */
int xk_image_open(const char *path, enum xk_disk_format format, bool read_write,
                  struct xk_image *image, struct xk_error *err);
void xk_image_close(struct xk_image *image);

/* Check that no other process has one of the files open in a way that makes
 * QEMU refuse it. XK_ERR_IN_USE otherwise; the message names the holder as
 * precisely as possible. state is for naming domains and may be NULL. */
int xk_image_check_free(const struct xk_image *image,
                        const struct xk_state *state, struct xk_error *err);

/* Stat the file behind a loop device. -1 if the device is not a loop device. */
int xk_loop_file(dev_t device, struct stat *st);

/* References to other files in an image's header. */
struct xk_image_header {
    char backing[1024]; /* the name as written there; "": none */
    bool backing_format_given;
    enum xk_disk_format backing_format;
};

/* Read the header of an image of that format. XK_ERR_CONFIG if the file is not
 * of that format or needs something that QEMU must not open. path is for
 * messages. */
int xk_image_read_header(int fd, const char *path, enum xk_disk_format format,
                         struct xk_image_header *header, struct xk_error *err);

#endif
