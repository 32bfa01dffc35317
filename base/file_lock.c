/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/number.h"

enum {
    PID_TEXT_MAX = 16
};

static struct flock
whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

int
xk_file_lock_take(int fd)
{
    struct flock lock = whole_file();

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    if (errno == EACCES)
        errno = EAGAIN; /* POSIX allows either of the two */
    return -1;
}

int
xk_file_lock_open(int dirfd, const char *path, const char *held,
                  struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        openat(dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd == -1)
        return xk_fail_errno(err, "open \"%s\"", path);
    if (xk_file_lock_take(fd) == 0)
        return xk_take_fd(&fd);
    return errno == EAGAIN ? xk_fail(err, XK_ERR_IN_USE, "%s", held)
                           : xk_fail_errno(err, "lock \"%s\"", path);
}

int
xk_file_lock_is_held(int fd)
{
    struct flock lock = whole_file();

    if (fcntl(fd, F_OFD_GETLK, &lock) == -1)
        return -1;
    return lock.l_type != F_UNLCK;
}

/* Overwrite the old pid and then truncate: that needs no space on a full file
 * system, and a reader never finds an empty file. */
int
xk_file_lock_write_pid(int fd)
{
    char text[PID_TEXT_MAX];
    int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

    return pwrite(fd, text, (size_t)length, 0) == length ? ftruncate(fd, length)
                                                         : -1;
}

pid_t
xk_file_lock_read_pid(int fd)
{
    char text[PID_TEXT_MAX];
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
    uint64_t pid;

    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return xk_parse_u64(text, INT32_MAX, &pid) ? (pid_t)pid : 0;
}
