/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ownership by scope. Declare a resource with XK_CLEANUP_*, initialise it in
 * the same line, and hand it out with XK_TAKE() or xk_take_fd(); what is still
 * owned when the scope ends is released. errno survives the release.
 */
#ifndef XK_BASE_CLEANUP_H
#define XK_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>

#define XK_CLEANUP_FREE __attribute__((cleanup(xk_cleanup_free)))
#define XK_CLEANUP_CLOSE __attribute__((cleanup(xk_cleanup_close)))
#define XK_CLEANUP_FILE __attribute__((cleanup(xk_cleanup_file)))
#define XK_CLEANUP_DIR __attribute__((cleanup(xk_cleanup_dir)))

/* The value of p, which is NULL from now on: ownership moves to the taker. */
#define XK_TAKE(p)                                                             \
    __extension__({                                                            \
        __typeof__(p) taken_ = (p);                                            \
        (p) = NULL;                                                            \
        taken_;                                                                \
    })

/* The descriptor in *fd, which is -1 from now on. */
int xk_take_fd(int *fd);

void xk_cleanup_free(void *pointer_to_pointer);
void xk_cleanup_close(const int *fd);
void xk_cleanup_file(FILE **file);
void xk_cleanup_dir(DIR **dir);

#endif
