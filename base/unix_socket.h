/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unix sockets by directory and name. An address holds a path of 107 bytes, and
 * a record's path may be longer, so the address names the directory by its
 * descriptor (/proc/self/fd).
 */
#ifndef XK_BASE_UNIX_SOCKET_H
#define XK_BASE_UNIX_SOCKET_H

#include <sys/types.h>
#include <sys/un.h>

#include "base/error.h"

/* Valid as long as dirfd is open in this process. XK_ERR_FAILED if the name is
 * too long. */
int xk_unix_address(int dirfd, const char *name, struct sockaddr_un *address,
                    struct xk_error *err);

/* Create a listening stream socket, which the caller closes, in place of any
 * file of that name. mode: of the new file; 0: as umask(2) leaves it. */
int xk_unix_listen(int dirfd, const char *name, mode_t mode, int backlog,
                   struct xk_error *err);

/* Connect to a listening stream socket without waiting. Returns a non-blocking
 * socket, which the caller closes. */
int xk_unix_connect(int dirfd, const char *name, struct xk_error *err);

#endif
