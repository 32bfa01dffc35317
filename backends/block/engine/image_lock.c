/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/engine/image_lock.h"

#include <errno.h>

#include "image-helpers/lock.h"

enum {
    RETRY_MS = 20, /* no event tells that a lock was released */
};

static enum xk_image_use
use_of(bool read_only)
{
    return read_only ? XK_IMAGE_READ : XK_IMAGE_WRITE;
}

static bool
has_no_locks(int errnum)
{
    return errnum == ENOSYS || errnum == ENOTSUP || errnum == EINVAL ||
           errnum == ENOLCK;
}

/* 1: the lock is ours; 0: another process holds one that conflicts. */
static int
take_and_look(int fd, enum xk_image_use use)
{
    if (xk_image_locks_take(fd, use) == -1)
        return has_no_locks(errno);
    return !xk_image_locks_conflict(fd, use);
}

int
xk_image_lock_too(int fd, bool read_only)
{
    return xk_image_locks_take(fd, use_of(read_only)) == 0 ||
                   has_no_locks(errno)
               ? 0
               : -1;
}

int
xk_image_lock(int fd, const char *path, bool read_only,
              struct xk_deadline deadline, struct xk_error *err)
{
    enum xk_image_use use = use_of(read_only);

    while (!take_and_look(fd, use)) {
        xk_image_locks_release(fd, use);
        if (!xk_deadline_pause(deadline, RETRY_MS))
            return xk_fail(err, XK_ERR_IN_USE,
                           "image \"%s\" is in use by another process: lslocks "
                           "shows which",
                           path);
    }
    return 0;
}
