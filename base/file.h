/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole files, directories and atomic replacement. */
#ifndef XK_BASE_FILE_H
#define XK_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Read all of a regular file, or of any descriptor until its end, of at most
 * `limit` bytes; more is an error of kind XK_ERR_FAILED. The bytes are appended
 * to buf. dirfd may be AT_FDCWD. */
int xk_read_file(int dirfd, const char *path, size_t limit, struct xk_buf *buf,
                 struct xk_error *err);
int xk_read_fd(int fd, const char *what, size_t limit, struct xk_buf *buf,
               struct xk_error *err);

/* Replace a file as one step: a temporary file in the same directory, mode
 * 0600, renamed over the name. A reader sees the old or the new text, whole.
 * sync: also fsync file and directory, for what must survive a host crash. */
int xk_write_file(int dirfd, const char *name, const void *data, size_t length,
                  bool sync, struct xk_error *err);

/* Write all of it, over short writes and EINTR. */
int xk_write_all(int fd, const void *data, size_t length);

/* Create a directory and its missing parents, each with this mode. */
int xk_make_dirs(const char *path, mode_t mode, struct xk_error *err);

/* Make *path (allocated) one that means the same from any directory. NULL, ""
 * and an absolute path stay as they are. */
int xk_make_absolute(char **path, struct xk_error *err);

/* Remove the directory `name` below dirfd and all in it, without following a
 * link. A missing one is no error. */
int xk_remove_tree(int dirfd, const char *name, struct xk_error *err);

#endif
