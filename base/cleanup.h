/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ownership by scope. Declare a resource with XK_CLEANUP_* and initialise it in
 * the same line. At the end of the scope it is released, unless XK_TAKE() or
 * xk_take_fd() has handed it out. The release keeps errno.
 */
#ifndef XK_BASE_CLEANUP_H
#define XK_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>

#define XK_CLEANUP_FREE __attribute__((cleanup(xk_cleanup_free)))
#define XK_CLEANUP_CLOSE __attribute__((cleanup(xk_cleanup_close)))
#define XK_CLEANUP_FILE __attribute__((cleanup(xk_cleanup_file)))
#define XK_CLEANUP_DIR __attribute__((cleanup(xk_cleanup_dir)))

/* Returns the value of p and sets p to NULL: the caller is the new owner. */
#define XK_TAKE(p)                                                             \
    __extension__({                                                            \
        __typeof__(p) taken_ = (p);                                            \
        (p) = NULL;                                                            \
        taken_;                                                                \
    })

/* Returns the descriptor in *fd and sets *fd to -1. */
int xk_take_fd(int *fd);

void xk_cleanup_free(void *pointer_to_pointer);
void xk_cleanup_close(const int *fd);
void xk_cleanup_file(FILE **file);
void xk_cleanup_dir(DIR **dir);

#endif
