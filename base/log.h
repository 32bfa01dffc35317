/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: lines on standard error, "xk: warning: ...", each written with one
 * write(2) so that lines of several processes do not mix. errno survives.
 * How they look (level, program's name, JSON) and what bounds them is the only
 * global state of the project.
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

/* Show lines up to and including this level; XK_LOG_WARNING at the start. */
void xk_log_set_level(enum xk_log_level level);

/* The prefix of every line; must live as long as the process. */
void xk_log_set_name(const char *name);

/* Lines are JSON from now on: {"log":{"level":"warning","message":"..."}}. */
void xk_log_set_json(bool json);

/* For processes whose standard error is a file that stays and is written to
 * where others make something happen. What is older than the last `keep` bytes
 * is given back to the file system (the file's length goes on growing, its
 * blocks do not); where that cannot be, it ends there. Of each level at most
 * `burst` lines in a row are written, and one more each `pause_ms`; how many
 * were left out is said. Without effect where standard error is no file. */
void xk_log_set_bounds(off_t keep, unsigned burst, unsigned pause_ms);

/* Those of the daemons of xk; programs that they run are told by a variable. */
#define XK_LOG_BOUNDED "XK_LOG_BOUNDED"
enum {
    XK_LOG_KEEP = 256 * 1024,
    XK_LOG_BURST = 64,
    XK_LOG_PAUSE_MS = 5000,
};

/* Hold to the first bound also where another process has written. */
void xk_log_trim(void);

void xk_log(enum xk_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Append text with its control characters as "\\n", "\\x1b", ...: what a guest
 * or a file says must not forge a line or drive a terminal. */
void xk_log_escape(struct xk_buf *out, const char *text);

#define xk_warn(...) xk_log(XK_LOG_WARNING, __VA_ARGS__)
#define xk_info(...) xk_log(XK_LOG_INFO, __VA_ARGS__)
#define xk_debug(...) xk_log(XK_LOG_DEBUG, __VA_ARGS__)

#endif
