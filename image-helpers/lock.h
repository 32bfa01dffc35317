/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The locks that QEMU, qemu-img and xk hold on an image: open file description
 * locks (fcntl(2)), which end when the last copy of the descriptor is closed.
 */
#ifndef XK_IMAGE_HELPERS_LOCK_H
#define XK_IMAGE_HELPERS_LOCK_H

#include <stdbool.h>

/* What an image is opened for. */
enum xk_image_use {
    XK_IMAGE_READ,   /* others may read it, and nobody may write it */
    XK_IMAGE_WRITE,  /* nobody else may use it; its size stays */
    XK_IMAGE_RESIZE, /* as WRITE, and its size changes: all formats but raw */
};

/* Take the locks of a use. They are shared locks, so this succeeds even if
 * others hold locks: call xk_image_locks_conflict() afterwards. Returns 0, or
 * -1 with errno. */
int xk_image_locks_take(int fd, enum xk_image_use use);

/* Release the locks of a use. */
void xk_image_locks_release(int fd, enum xk_image_use use);

/* Returns true if another holds a lock because of which QEMU would refuse the
 * use. False if the file system has no locks. */
bool xk_image_locks_conflict(int fd, enum xk_image_use use);

#endif
