/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"

static enum xk_log_level shown = XK_LOG_WARNING;
static const char *program = "xk";

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
    xk_buf_printf(&line, "%s: %s: %s\n", program, level_names[level], text);
    if (write(STDERR_FILENO, line.data, line.length) == -1) {
        /* nowhere left to say so */
    }
    errno = saved;
}
