/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image in memory, mapped: bytes go between it and the guest with one copy
 * and without a system call of their own. Only what is known to be allocated
 * is shown, because reading a hole of such a file through a mapping allocates
 * it. May be used by several threads.
 */
#ifndef XK_BACKENDS_BLOCK_ENGINE_FILE_WINDOW_H
#define XK_BACKENDS_BLOCK_ENGINE_FILE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct xk_file_window;

/* NULL where it cannot be mapped. fd stays the caller's and open. */
struct xk_file_window *xk_file_window_new(int fd, uint64_t bytes,
                                          bool read_only);
void xk_file_window_free(struct xk_file_window *window);

/* Where that range is, or NULL: it has holes or lies behind what is mapped. */
void *xk_file_window_at(struct xk_file_window *window, uint64_t offset,
                        uint64_t length);

/* The range may become a hole. */
void xk_file_window_forget(struct xk_file_window *window, uint64_t offset,
                           uint64_t length);

#endif
