/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/utf8.h"

enum {
    READ_CHUNK = 16384,
    REMOVE_TRIES = 16,
};

int
xk_read_fd(int fd, const char *what, size_t limit, struct xk_buf *buf,
           struct xk_error *err)
{
    size_t total = 0;

    for (;;) {
        char *end = xk_buf_reserve(buf, READ_CHUNK);
        ssize_t got = read(fd, end, READ_CHUNK);

        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return xk_fail_errno(err, "read \"%s\"", what);
        if (got == 0)
            break;
        total += (size_t)got;
        if (total > limit)
            return xk_fail(err, XK_ERR_FAILED,
                           "\"%s\" is larger than %zu bytes", what, limit);
        buf->length += (size_t)got;
    }
    xk_buf_append(buf, "", 0);
    return 0;
}

int
xk_read_file(int dirfd, const char *path, size_t limit, struct xk_buf *buf,
             struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;

    fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd == -1)
        return xk_fail_errno(err, "open \"%s\"", path);
    return xk_read_fd(fd, path, limit, buf, err);
}

int
xk_write_all(int fd, const void *data, size_t length)
{
    const char *next = data;

    while (length > 0) {
        ssize_t put = write(fd, next, length);

        if (put == -1 && errno == EINTR)
            continue;
        if (put == -1)
            return -1;
        next += put;
        length -= (size_t)put;
    }
    return 0;
}

static int
write_new(int dirfd, const char *temporary, const void *data, size_t length,
          bool sync, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;

    fd = openat(dirfd, temporary,
                O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1)
        return xk_fail_errno(err, "create \"%s\"", temporary);
    if (xk_write_all(fd, data, length) == -1 || (sync && fsync(fd) == -1))
        return xk_fail_errno(err, "write \"%s\"", temporary);
    return 0;
}

int
xk_write_file(int dirfd, const char *name, const void *data, size_t length,
              bool sync, struct xk_error *err)
{
    XK_CLEANUP_FREE char *temporary = xk_asprintf("%s.tmp", name);

    if (write_new(dirfd, temporary, data, length, sync, err) == -1) {
        unlinkat(dirfd, temporary, 0);
        return -1;
    }
    if (renameat(dirfd, temporary, dirfd, name) == -1) {
        xk_fail_errno(err, "rename \"%s\"", temporary);
        unlinkat(dirfd, temporary, 0);
        return -1;
    }
    if (sync && dirfd != AT_FDCWD && fsync(dirfd) == -1)
        return xk_fail_errno(err, "sync the directory of \"%s\"", name);
    return 0;
}

int
xk_make_dirs(const char *path, mode_t mode, struct xk_error *err)
{
    XK_CLEANUP_FREE char *part = xk_strdup(path);

    for (char *slash = part + 1;; slash++) {
        char kept = *slash;

        if (kept != '/' && kept != '\0')
            continue;
        *slash = '\0';
        if (mkdir(part, mode) == -1 && errno != EEXIST)
            return xk_fail_errno(err, "create directory \"%s\"", part);
        if (kept == '\0')
            return 0;
        *slash = '/';
    }
}

int
xk_make_absolute(char **path, struct xk_error *err)
{
    XK_CLEANUP_FREE char *here = NULL;
    char *whole;

    if (*path == NULL || (*path)[0] == '\0' || (*path)[0] == '/')
        return 0;
    here = getcwd(NULL, 0);
    if (here == NULL)
        return xk_fail_errno(err, "find the current directory for \"%s\"",
                             *path);
    if (!xk_utf8_valid(here, NULL))
        return xk_fail(err, XK_ERR_USAGE,
                       "the name of the current directory is not UTF-8, so "
                       "\"%s\" cannot be made absolute",
                       *path);
    whole = xk_asprintf("%s/%s", here, *path);
    free(*path);
    *path = whole;
    return 0;
}

static int
remove_entries(int fd, struct xk_error *err)
{
    XK_CLEANUP_DIR DIR *dir = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    struct dirent *entry;

    if (dir == NULL)
        return xk_fail_errno(err, "read a directory");
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (xk_remove_tree(fd, entry->d_name, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_remove_tree(int dirfd, const char *name, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;

    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return xk_fail_errno(err, "remove \"%s\"", name);
    fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return xk_fail_errno(err, "open directory \"%s\"", name);
    /* A process that has the directory open may create a file in between. */
    for (int tries = 0; tries < REMOVE_TRIES; tries++) {
        if (remove_entries(fd, err) == -1)
            return -1;
        if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        if (errno != ENOTEMPTY)
            break;
    }
    return xk_fail_errno(err, "remove directory \"%s\"", name);
}
