/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works. A user of an image holds a shared open file description lock on
 * byte 100 + p for each permission p it uses and on 200 + p for each it does
 * not leave to others. After taking its own it looks for locks against it: on
 * the bytes of what it does not leave, and of what others do not leave to it.
 * Two that begin at once may both find the other; neither then goes on.
 *
 * Source: QEMU's block/file-posix.c (RAW_LOCK_PERM_BASE, RAW_LOCK_SHARED_BASE)
 * and include/block/block-common.h (BLK_PERM_*).
 */
#include "backends/block/engine/image_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/util.h"

enum {
    PERM_BASE = 100,
    SHARED_BASE = 200,
    CONSISTENT_READ = 0,
    WRITE = 1,
    RESIZE = 3,
    RETRY_MS = 20, /* a lock gives no event when it ends */
};

struct lock_byte {
    off_t byte;
    bool of_writer; /* of no concern to one that only reads */
};

static const struct lock_byte held[] = {
    {PERM_BASE + CONSISTENT_READ, false},
    {PERM_BASE + WRITE, true},
    {SHARED_BASE + WRITE, false},
    {SHARED_BASE + RESIZE, false},
};

static const struct lock_byte against[] = {
    {PERM_BASE + WRITE, false},
    {PERM_BASE + RESIZE, false},
    {SHARED_BASE + CONSISTENT_READ, false},
    {SHARED_BASE + WRITE, true},
};

static struct flock
one_byte(off_t byte, short type)
{
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

static bool
has_no_locks(int errnum)
{
    return errnum == ENOSYS || errnum == ENOTSUP || errnum == EINVAL ||
           errnum == ENOLCK;
}

static int
take(int fd, bool read_only)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(held); i++) {
        struct flock lock = one_byte(held[i].byte, F_RDLCK);

        if (read_only && held[i].of_writer)
            continue;
        if (fcntl(fd, F_OFD_SETLK, &lock) == -1)
            return -1;
    }
    return 0;
}

/* 1: it is ours; 0: another has it. */
static int
take_and_look(int fd, bool read_only)
{
    if (take(fd, read_only) == -1)
        return has_no_locks(errno);
    for (size_t i = 0; i < XK_ARRAY_SIZE(against); i++) {
        struct flock lock = one_byte(against[i].byte, F_WRLCK);

        if (read_only && against[i].of_writer)
            continue;
        if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
            return 0;
    }
    return 1;
}

static void
let_go(int fd)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(held); i++) {
        struct flock lock = one_byte(held[i].byte, F_UNLCK);

        (void)fcntl(fd, F_OFD_SETLK, &lock);
    }
}

int
xk_image_lock_too(int fd, bool read_only)
{
    return take(fd, read_only) == 0 || has_no_locks(errno) ? 0 : -1;
}

int
xk_image_lock(int fd, const char *path, bool read_only,
              struct xk_deadline deadline, struct xk_error *err)
{
    while (!take_and_look(fd, read_only)) {
        let_go(fd);
        if (!xk_deadline_pause(deadline, RETRY_MS))
            return xk_fail(err, XK_ERR_IN_USE,
                           "image \"%s\" is in use by another process: lslocks "
                           "shows which",
                           path);
    }
    return 0;
}
