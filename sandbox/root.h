/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A root of its own for a process: a mount namespace that contains only the
 * pieces that are put there. Only for root.
 *
 * Take the pieces first, or at any time before the end; then begin, put the
 * pieces, and end.
 *
 * Sources: mount_namespaces(7), open_tree(2), pivot_root(2).
 */
#ifndef XK_SANDBOX_ROOT_H
#define XK_SANDBOX_ROOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* A file or directory to appear in the new root: a detached mount, which is in
 * no namespace yet. */
struct xk_sandbox_piece {
    int tree_fd;
    char name[32]; /* in the new root, without the leading slash */
    bool is_folder;
};

/* Make a detached mount of a file or directory of our namespace. Pass AT_FDCWD
 * and a path, or a descriptor and "". attributes: MOUNT_ATTR_*. The caller
 * closes tree_fd, also on failure unless it is -1. */
int xk_sandbox_take(int fd, const char *path, const char *name,
                    uint64_t attributes, struct xk_sandbox_piece *piece,
                    struct xk_error *err);

/* Leave the mounts of the host and, by CLONE_NEW* flags, more namespaces of it,
 * and mount an empty file system (tmpfs, with these options) on `place`, which
 * becomes the current directory. Other processes still see `place` unchanged.
 */
int xk_sandbox_begin_root(const char *place, int namespaces, const char *source,
                          const char *options, struct xk_error *err);

/* Mount a piece in the current directory. The directories of its name exist. */
int xk_sandbox_put(const struct xk_sandbox_piece *piece, struct xk_error *err);

/* Take "/NAME" of the old root and put it there, if there is such a file. */
int xk_sandbox_bring(const char *name, uint64_t attributes,
                     struct xk_error *err);

/* Make the current directory the root, read-only. */
int xk_sandbox_end_root(struct xk_error *err);

#endif
