/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks on images that QEMU, qemu-img and other backends respect. */
#ifndef XK_BACKENDS_BLOCK_ENGINE_IMAGE_LOCK_H
#define XK_BACKENDS_BLOCK_ENGINE_IMAGE_LOCK_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"

/* Lock the image at fd, for as long as that open file description exists: no
 * other process may write it, and others may read it only if we lock it
 * read-only. XK_ERR_IN_USE if another process still holds it at the deadline.
 * On a file system without locks this succeeds. */
int xk_image_lock(int fd, const char *path, bool read_only,
                  struct xk_deadline deadline, struct xk_error *err);

/* Lock it again, through another open file description of the lock's holder.
 * Returns -1 if that fails. */
int xk_image_lock_too(int fd, bool read_only);

#endif
