/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The locks that QEMU, qemu-img and we hold on an image: open file description
 * locks (fcntl(2)), which end with the last copy of the descriptor.
 */
#ifndef XK_IMAGE_HELPERS_LOCK_H
#define XK_IMAGE_HELPERS_LOCK_H

#include <stdbool.h>

/* What an image is open for. */
enum xk_image_use {
    XK_IMAGE_READ,   /* others may read it too, and nobody may write it */
    XK_IMAGE_WRITE,  /* no other may use it; its size stays */
    XK_IMAGE_RESIZE, /* the same, and its size changes: all formats but raw */
};

/* Take the locks of a use. They are shared locks, so this succeeds beside the
 * locks of others: ask xk_image_locks_conflict() afterwards. -1 with errno. */
int xk_image_locks_take(int fd, enum xk_image_use use);

/* Give back the locks of a use. */
void xk_image_locks_release(int fd, enum xk_image_use use);

/* Whether another holds a lock that QEMU would refuse the use for. False where
 * the file system has no locks. */
bool xk_image_locks_conflict(int fd, enum xk_image_use use);

#endif
