/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The called side of caller.h: what it is told, what its libraries say, and
 * what it answers. */
#ifndef XK_TOOLSTACK_XEN_HELPER_CALLEE_H
#define XK_TOOLSTACK_XEN_HELPER_CALLEE_H

#include <stdbool.h>
#include <xentoollog.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

/* What Xen's libraries say of errors: the first lines, which tell the cause. */
struct xk_callee_log {
    xentoollog_logger logger; /* first: the libraries hand it back */
    bool debug;               /* all of it to standard error as well */
    struct xk_buf errors;
    unsigned count;
};

/* With XK_DEBUG_LIBXL in the environment it says all. */
void xk_callee_log_init(struct xk_callee_log *log);

/* Whether this was started as caller.h starts it; else it says so. */
bool xk_callee_was_called(const char *program, int argc);

/* The JSON on standard input, the caller's to free; NULL on failure. */
struct xk_json *xk_callee_input(struct xk_error *err);

/* Answer with the result, or, where r is -1, with the error. Returns the exit
 * status. */
int xk_callee_answer(int r, const struct xk_buf *result,
                     const struct xk_error *err);

#endif
