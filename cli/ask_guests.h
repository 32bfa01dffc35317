/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ask guests to stop or to start again. "shutdown" and "reboot" differ only in
 * the request and in the event that they wait for. */
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
    XK_ASK_COUNT,
};

struct xk_ask {
    enum xk_signal signal;
    enum xk_wait_for once;  /* what -w waits for */
    enum xk_wait_for twice; /* what -ww waits for */
    const char *step;       /* "shutting down" */
};

/* Ask the named domain, or with -a all running and paused domains but domain 0.
 * With -a a failure does not keep xk from asking the other domains; the error
 * lists all failures. */
int xk_ask_run(struct xk_invocation *invocation, const struct xk_ask *ask,
               struct xk_error *err);

#endif
