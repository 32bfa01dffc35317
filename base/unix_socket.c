/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

int
xk_unix_address(int dirfd, const char *name, struct sockaddr_un *address,
                struct xk_error *err)
{
    int length;

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    length = snprintf(address->sun_path, sizeof(address->sun_path),
                      "/proc/self/fd/%d/%s", dirfd, name);
    if (length < 0 || (size_t)length >= sizeof(address->sun_path))
        return xk_fail(err, XK_ERR_FAILED, "the name \"%s\" is too long", name);
    return 0;
}

/* The mode is set before bind(2), which gives it to the file. */
int
xk_unix_listen(int dirfd, const char *name, mode_t mode, int backlog,
               struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct sockaddr_un address;

    if (xk_unix_address(dirfd, name, &address, err) == -1)
        return -1;
    if (unlinkat(dirfd, name, 0) == -1 && errno != ENOENT)
        return xk_fail_errno(err, "remove \"%s\"", name);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1 || (mode != 0 && fchmod(fd, mode) == -1) ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) == -1 ||
        listen(fd, backlog) == -1)
        return xk_fail_errno(err, "listen on \"%s\"", name);
    return xk_take_fd(&fd);
}

int
xk_unix_connect(int dirfd, const char *name, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;

    if (xk_unix_address(dirfd, name, &address, err) == -1)
        return -1;
    if (fd == -1 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == -1)
        return xk_fail_errno(err, "connect to \"%s\"", name);
    return xk_take_fd(&fd);
}
