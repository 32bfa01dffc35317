/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks that QEMU, qemu-img and the backends of others respect. */
#ifndef XK_BACKENDS_BLOCK_ENGINE_IMAGE_LOCK_H
#define XK_BACKENDS_BLOCK_ENGINE_IMAGE_LOCK_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"

/* Locks the image open at fd for as long as that open file description lives:
 * no other may write it, and if we do not write it, others may read it.
 * XK_ERR_IN_USE at the deadline, naming the holder where it can be seen. File
 * systems without locks pass. */
int xk_image_lock(int fd, const char *path, bool read_only,
                  struct xk_deadline deadline, struct xk_error *err);

/* Locks it once more, by another description that the holder of the lock has.
 * -1: it cannot be. */
int xk_image_lock_too(int fd, bool read_only);

#endif
