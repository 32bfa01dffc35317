/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A byte buffer that grows. Once anything was appended, data is followed by a
 * NUL, and may contain other NULs. A zeroed struct is an empty buffer.
 */
#ifndef XK_BASE_BUF_H
#define XK_BASE_BUF_H

#include <stddef.h>

struct xk_buf {
    char *data; /* NULL until something is appended */
    size_t length;
    size_t room;
};

#define XK_CLEANUP_BUF __attribute__((cleanup(xk_buf_free)))

void xk_buf_append(struct xk_buf *buf, const void *data, size_t length);
void xk_buf_puts(struct xk_buf *buf, const char *text);
void xk_buf_printf(struct xk_buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns data + length, with room for `more` bytes there. The caller writes
 * them and then increases length. */
char *xk_buf_reserve(struct xk_buf *buf, size_t more);

/* Drop the first `length` bytes. */
void xk_buf_consume(struct xk_buf *buf, size_t length);

/* Returns the text, which the caller frees, and empties the buffer. */
char *xk_buf_take(struct xk_buf *buf);

void xk_buf_free(struct xk_buf *buf);

#endif
