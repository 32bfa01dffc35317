/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core of "xk console": move bytes between a person and the console of a
 * domain. It knows neither terminal nor domain, only descriptors, and closes
 * none of them.
 *
 * Each direction has one small buffer, which is refilled only when it is empty.
 * So a slow reader slows its writer, and memory is bounded.
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
    XK_CONSOLE_PUMP_LEFT,        /* the escape byte was typed */
    XK_CONSOLE_PUMP_GONE,        /* the domain is gone, its output is written */
    XK_CONSOLE_PUMP_UNREAD,      /* the reader of the output is gone */
    XK_CONSOLE_PUMP_INTERRUPTED, /* interrupt_fd became readable */
};

#define XK_CONSOLE_PUMP_ESCAPE 0x1d /* Ctrl-], as in xl */

struct xk_console_pump {
    const struct xk_console *console;
    int input_fd;     /* what is typed; -1: nothing */
    int output_fd;    /* where the guest's output goes */
    int interrupt_fd; /* ends the pump when readable; -1: none */
    bool escape;      /* XK_CONSOLE_PUMP_ESCAPE in the input ends the pump */
    off_t log_offset; /* where in console->log_fd to begin; kept up to date */
};

/* Run until one of the ends above and return it; -1 with an error. The end of
 * the input is not an end: output continues. XK_ERR_TIMEOUT at the deadline. */
int xk_console_pump_run(struct xk_console_pump *pump,
                        struct xk_deadline deadline, struct xk_error *err);

/* Return the offset of the last `lines` lines of a log, an unfinished line
 * included; negative: of everything that was kept (a log may begin with a
 * hole). */
off_t xk_console_history_start(int log_fd, int lines);

#endif
