/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

char *
xk_buf_reserve(struct xk_buf *buf, size_t more)
{
    size_t need = buf->length + more + 1;

    if (need > buf->room) {
        buf->room = need > 2 * buf->room ? need : 2 * buf->room;
        buf->data = xk_realloc(buf->data, buf->room, 1);
        buf->data[buf->length] = '\0';
    }
    return buf->data + buf->length;
}

void
xk_buf_append(struct xk_buf *buf, const void *data, size_t length)
{
    char *end = xk_buf_reserve(buf, length);

    if (length > 0)
        memcpy(end, data, length);
    end[length] = '\0';
    buf->length += length;
}

void
xk_buf_puts(struct xk_buf *buf, const char *text)
{
    xk_buf_append(buf, text, strlen(text));
}

void
xk_buf_printf(struct xk_buf *buf, const char *fmt, ...)
{
    XK_CLEANUP_FREE char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = xk_vasprintf(fmt, args);
    va_end(args);
    xk_buf_puts(buf, text);
}

void
xk_buf_consume(struct xk_buf *buf, size_t length)
{
    assert(length <= buf->length);
    if (length == 0)
        return;
    memmove(buf->data, buf->data + length, buf->length - length);
    buf->length -= length;
    buf->data[buf->length] = '\0';
}

char *
xk_buf_take(struct xk_buf *buf)
{
    if (buf->data == NULL)
        xk_buf_puts(buf, "");
    buf->length = buf->room = 0;
    return XK_TAKE(buf->data);
}

void
xk_buf_free(struct xk_buf *buf)
{
    free(buf->data);
    *buf = (struct xk_buf){0};
}
