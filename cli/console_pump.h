/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The heart of "xk console": moves bytes between a person and the console of a
 * domain. Knows no terminal and no domain, only descriptors, none of which it
 * closes.
 *
 * Each direction has one small buffer, which is filled only when it is empty:
 * a slow reader slows its writer, and memory is bounded.
 */
#ifndef XK_CLI_CONSOLE_PUMP_H
#define XK_CLI_CONSOLE_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/seam/domain_ops.h"

enum xk_console_pump_end {
    XK_CONSOLE_PUMP_LEFT,        /* the person typed the escape byte */
    XK_CONSOLE_PUMP_GONE,        /* the domain is gone, its output is written */
    XK_CONSOLE_PUMP_UNREAD,      /* nobody reads the output any more */
    XK_CONSOLE_PUMP_INTERRUPTED, /* interrupt_fd became readable */
};

#define XK_CONSOLE_PUMP_ESCAPE 0x1d /* Ctrl-], as in xl */

struct xk_console_pump {
    const struct xk_console *console;
    int input_fd;     /* what the person types; -1: nothing */
    int output_fd;    /* what the person sees */
    int interrupt_fd; /* ends the pump when readable; -1: none */
    bool escape;      /* XK_CONSOLE_PUMP_ESCAPE in the input ends the pump */
    off_t log_offset; /* where in console->log_fd to begin; kept up to date */
};

/* Run until the end, whose kind is returned; -1 with an error. The end of the
 * input is not the end: the output goes on. XK_ERR_TIMEOUT at the deadline. */
int xk_console_pump_run(struct xk_console_pump *pump,
                        struct xk_deadline deadline, struct xk_error *err);

/* Where the last `lines` lines of a log begin, the unfinished one counted;
 * negative: all of it that was kept (a log may begin with a hole). */
off_t xk_console_history_start(int log_fd, int lines);

#endif
