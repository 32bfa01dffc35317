/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The window: a mapping of an image that is in memory (tmpfs), so that data is
 * copied once between image and guest, without a system call for the image.
 * Only ranges known to be allocated are handed out, because reading a hole of
 * such a file through a mapping allocates it. Several threads may use a window.
 */
#ifndef XK_BACKENDS_BLOCK_ENGINE_FILE_WINDOW_H
#define XK_BACKENDS_BLOCK_ENGINE_FILE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct xk_file_window;

/* Returns NULL if the image cannot be mapped. fd stays the caller's, who must
 * keep it open. */
struct xk_file_window *xk_file_window_new(int fd, uint64_t bytes,
                                          bool read_only);
void xk_file_window_free(struct xk_file_window *window);

/* Returns the address of that range, or NULL if it has holes or lies beyond the
 * mapping. */
void *xk_file_window_at(struct xk_file_window *window, uint64_t offset,
                        uint64_t length);

/* Forget that the range is allocated: it may become a hole. */
void xk_file_window_forget(struct xk_file_window *window, uint64_t offset,
                           uint64_t length);

#endif
