/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking guests to stop or start again: "shutdown" and "reboot" differ only in
 * what they ask and what they wait for. */
#ifndef XK_CLI_ASK_GUESTS_H
#define XK_CLI_ASK_GUESTS_H

#include "base/error.h"
#include "cli/invocation.h"
#include "toolstack/seam/domain_ops.h"
#include "toolstack/wait.h"

/* The options of both verbs. */
enum {
    XK_ASK_ALL,
    XK_ASK_WAIT,
    XK_ASK_FALLBACK,
};

struct xk_ask {
    enum xk_signal signal;
    enum xk_wait_for once;  /* what -w waits for */
    enum xk_wait_for twice; /* what -ww waits for */
    const char *step;       /* "shutting down" */
};

/* Do it to the domain named, or with -a to all that run: then failures of some
 * do not keep it from the others, and all of them are in the error. */
int xk_ask_run(struct xk_invocation *invocation, const struct xk_ask *ask,
               struct xk_error *err);

#endif
