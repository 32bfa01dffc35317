/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: lines on standard error, "xk: warning: ...". Each is written with
 * one write(2), so that lines of several processes do not mix. All functions
 * keep errno. The log's settings (level, program's name, JSON, bounds) are the
 * only global state of the project.
 */
#ifndef XK_BASE_LOG_H
#define XK_BASE_LOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

enum xk_log_level {
    XK_LOG_ERROR,
    XK_LOG_WARNING,
    XK_LOG_INFO,  /* shown with -v */
    XK_LOG_DEBUG, /* shown with -vv */
};

/* Show lines up to and including this level; default XK_LOG_WARNING. */
void xk_log_set_level(enum xk_log_level level);

/* Set the prefix of every line; it must live as long as the process. */
void xk_log_set_name(const char *name);

/* Write lines as JSON: {"log":{"level":"warning","message":"..."}}. */
void xk_log_set_json(bool json);

/* Bound the log of a process whose standard error is a file that is kept and
 * whose lines others can cause. Lines older than the last `keep` bytes are
 * removed by punching a hole (the file's length grows, its blocks do not); if
 * the file system cannot do that, the log ends when it is full. Of each level
 * at most `burst` lines in a row are written, and one more each `pause_ms`; a
 * line says how many were left out. Does nothing if standard error is not a
 * regular file. */
void xk_log_set_bounds(off_t keep, unsigned burst, unsigned pause_ms);

/* The bounds of xk's daemons. The environment variable tells the programs that
 * they run to set them too. */
#define XK_LOG_BOUNDED "XK_LOG_BOUNDED"
enum {
    XK_LOG_KEEP = 256 * 1024,
    XK_LOG_BURST = 64,
    XK_LOG_PAUSE_MS = 5000,
};

/* Apply the bound `keep` now, because another process may have written to the
 * same file. */
void xk_log_trim(void);

void xk_log(enum xk_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Append text with its control characters as "\\n", "\\x1b", ...: text of a
 * guest or a file must not forge a line or control a terminal. */
void xk_log_escape(struct xk_buf *out, const char *text);

#define xk_warn(...) xk_log(XK_LOG_WARNING, __VA_ARGS__)
#define xk_info(...) xk_log(XK_LOG_INFO, __VA_ARGS__)
#define xk_debug(...) xk_log(XK_LOG_DEBUG, __VA_ARGS__)

#endif
