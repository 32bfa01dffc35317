/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works. QEMU gives each permission on an image a number p. A user of an
 * image holds a shared lock on byte 100 + p for each permission that it has,
 * and on byte 200 + p for each permission that it denies to others. After it
 * has taken its locks it looks for locks of others: on byte 200 + p for each
 * permission that it has, and on byte 100 + p for each permission that it
 * denies. If two users begin at the same time, each may find the other; then
 * both fail.
 *
 * Source: QEMU's block/file-posix.c (raw_apply_lock_bytes() and
 * raw_check_lock_bytes()), include/block/block-common.h (BLK_PERM_*) and, for
 * which use has which permission, block.c (bdrv_default_perms_for_storage()),
 * block/raw-format.c (raw_child_perm()) and hw/block/block.c.
 */
#include "image-helpers/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/util.h"

enum {
    HAVE_BASE = 100,
    DENY_BASE = 200,
};

/* The permission "write unchanged" (2) needs no row: no use has it, and every
 * use allows it to others. */
static const struct permission {
    off_t number;
    enum xk_image_use from; /* this use and the later ones have it */
    bool denied;            /* we deny it to others */
} permissions[] = {
    {0, XK_IMAGE_READ, false},  /* consistent read */
    {1, XK_IMAGE_WRITE, true},  /* write */
    {3, XK_IMAGE_RESIZE, true}, /* resize */
};

static struct flock
one_byte(off_t byte, short type)
{
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

/* Take or release the lock on a byte. */
static int
set(int fd, off_t byte, short type)
{
    struct flock lock = one_byte(byte, type);

    return fcntl(fd, F_OFD_SETLK, &lock);
}

static bool
is_held(int fd, off_t byte)
{
    struct flock lock = one_byte(byte, F_WRLCK);

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static int
set_all(int fd, enum xk_image_use use, short type)
{
    int r = 0;

    for (size_t i = 0; i < XK_ARRAY_SIZE(permissions) && r == 0; i++) {
        const struct permission *permission = &permissions[i];

        if (use >= permission->from)
            r = set(fd, HAVE_BASE + permission->number, type);
        if (r == 0 && permission->denied)
            r = set(fd, DENY_BASE + permission->number, type);
    }
    return r;
}

int
xk_image_locks_take(int fd, enum xk_image_use use)
{
    return set_all(fd, use, F_RDLCK);
}

void
xk_image_locks_release(int fd, enum xk_image_use use)
{
    (void)set_all(fd, use, F_UNLCK);
}

bool
xk_image_locks_conflict(int fd, enum xk_image_use use)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(permissions); i++) {
        const struct permission *permission = &permissions[i];

        if ((use >= permission->from &&
             is_held(fd, DENY_BASE + permission->number)) ||
            (permission->denied && is_held(fd, HAVE_BASE + permission->number)))
            return true;
    }
    return false;
}
