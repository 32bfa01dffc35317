/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole files, directories and atomic replacement. */
#ifndef XK_BASE_FILE_H
#define XK_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Append a whole file, or all that a descriptor gives until its end, to buf.
 * XK_ERR_FAILED if there are more than `limit` bytes. dirfd may be AT_FDCWD. */
int xk_read_file(int dirfd, const char *path, size_t limit, struct xk_buf *buf,
                 struct xk_error *err);
int xk_read_fd(int fd, const char *what, size_t limit, struct xk_buf *buf,
               struct xk_error *err);

/* Replace a file atomically: write a temporary file in the same directory, mode
 * 0600, and rename it. A reader sees either the old or the new text, whole.
 * sync: also fsync file and directory, so that it survives a host crash. */
int xk_write_file(int dirfd, const char *name, const void *data, size_t length,
                  bool sync, struct xk_error *err);

/* Write all data, retrying after short writes and EINTR. */
int xk_write_all(int fd, const void *data, size_t length);

/* Create a directory and its missing parents, each with this mode. */
int xk_make_dirs(const char *path, mode_t mode, struct xk_error *err);

/* Make *path, which is allocated, absolute. NULL, "" and an absolute path stay
 * as they are. */
int xk_make_absolute(char **path, struct xk_error *err);

/* Remove `name` below dirfd, with everything in it if it is a directory. Links
 * are not followed. A missing name is not an error. */
int xk_remove_tree(int dirfd, const char *name, struct xk_error *err);

#endif
