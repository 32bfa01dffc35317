/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"

static enum xk_log_level shown = XK_LOG_WARNING;
static const char *program = "xk";
static bool as_json;

static const char *const level_names[] = {
    [XK_LOG_ERROR] = "error",
    [XK_LOG_WARNING] = "warning",
    [XK_LOG_INFO] = "info",
    [XK_LOG_DEBUG] = "debug",
};

void
xk_log_set_level(enum xk_log_level level)
{
    shown = level;
}

void
xk_log_set_name(const char *name)
{
    program = name;
}

void
xk_log_set_json(bool json)
{
    as_json = json;
}

/* C1 controls, which some terminals obey, are two bytes in UTF-8. */
static size_t
control_length(const unsigned char *p)
{
    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
        return 2;
    return p[0] < 0x20 || p[0] == 0x7f;
}

static void
escape_byte(struct xk_buf *out, unsigned char byte)
{
    static const char plain[] = "\n\r\t", letters[] = "nrt";
    const char *known = byte == '\0' ? NULL : strchr(plain, byte);

    if (known != NULL)
        xk_buf_printf(out, "\\%c", letters[known - plain]);
    else
        xk_buf_printf(out, "\\x%02x", byte);
}

void
xk_log_escape(struct xk_buf *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    while (*p != '\0') {
        size_t length = control_length(p);

        if (length == 0)
            xk_buf_append(out, p++, 1);
        for (; length > 0; length--)
            escape_byte(out, *p++);
    }
}

static void
put_json(struct xk_buf *line, enum xk_log_level level, const char *text)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(line, false);

    xk_json_open_object(writer, NULL);
    xk_json_open_object(writer, "log");
    xk_json_put_string(writer, "level", level_names[level]);
    xk_json_put_string(writer, "message", text);
    xk_json_close_object(writer);
    xk_json_close_object(writer);
}

static void
put_text(struct xk_buf *line, enum xk_log_level level, const char *text)
{
    xk_buf_printf(line, "%s: %s: ", program, level_names[level]);
    xk_log_escape(line, text);
}

void
xk_log(enum xk_log_level level, const char *fmt, ...)
{
    int saved = errno;
    XK_CLEANUP_BUF struct xk_buf line = {0};
    XK_CLEANUP_FREE char *text = NULL;
    va_list args;

    if (level > shown)
        return;
    va_start(args, fmt);
    text = xk_vasprintf(fmt, args);
    va_end(args);
    if (as_json)
        put_json(&line, level, text);
    else
        put_text(&line, level, text);
    xk_buf_puts(&line, "\n");
    if (write(STDERR_FILENO, line.data, line.length) == -1) {
        /* nowhere left to say so */
    }
    errno = saved;
}
