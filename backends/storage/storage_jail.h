/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The place where a storage daemon lives; for storage.c only. */
#ifndef XK_BACKENDS_STORAGE_STORAGE_JAIL_H
#define XK_BACKENDS_STORAGE_STORAGE_JAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* A file or folder on its way there: a mount of its own that is in no
 * namespace yet. */
struct xk_storage_piece {
    int tree_fd;
    char name[32]; /* there, without the slash */
    bool is_folder;
};

/* Take one from the namespace that we are in. fd may be AT_FDCWD, with a path,
 * or the file itself, with "". */
int xk_storage_take(int fd, const char *path, const char *name, bool read_only,
                    struct xk_storage_piece *piece, struct xk_error *err);

/* Move to a root that has the pieces, and the system's programs and libraries,
 * and no more. place is a directory to make it in, which is seen unchanged by
 * everyone else. */
int xk_storage_enter(const char *place, const struct xk_storage_piece *pieces,
                     unsigned count, struct xk_error *err);

/* Become that user, with no privilege but to open what there is, and unable to
 * signal, trace or limit others of that user; for the process whose pid this
 * is. */
int xk_storage_drop(uint32_t uid, struct xk_error *err);

#endif
