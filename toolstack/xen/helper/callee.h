/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helper side of caller.h: read the request from stdin, collect the libraries'
 * log, write the reply to fd 3. */
#ifndef XK_TOOLSTACK_XEN_HELPER_CALLEE_H
#define XK_TOOLSTACK_XEN_HELPER_CALLEE_H

#include <stdbool.h>
#include <xentoollog.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

/* The first error messages of Xen's libraries: these name the cause. */
struct xk_callee_log {
    xentoollog_logger logger; /* first: callbacks cast it to this struct */
    bool debug;               /* print every message to stderr too */
    struct xk_buf errors;
    unsigned count;
};

/* Initialise the log; XK_DEBUG_LIBXL in the environment sets debug. */
void xk_callee_log_init(struct xk_callee_log *log);

/* True if this process was started the way caller.h starts it; otherwise print
 * that only xk runs it. */
bool xk_callee_was_called(const char *program, int argc);

/* Returns the JSON on standard input, owned by the caller; NULL on failure. */
struct xk_json *xk_callee_input(struct xk_error *err);

/* Write the result to fd 3 or, if r is -1, the error. Returns the process's
 * exit status. */
int xk_callee_answer(int r, const struct xk_buf *result,
                     const struct xk_error *err);

#endif
