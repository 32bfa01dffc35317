/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joining the console of a domain from this terminal. */
#ifndef XK_CLI_CONSOLE_H
#define XK_CLI_CONSOLE_H

#include "base/error.h"
#include "cli/invocation.h"

/* How much of what was said before is shown: a number of lines, or these. */
enum {
    XK_HISTORY_ALL = -1,
    XK_HISTORY_SCREEN = -2, /* one screenful; all where standard output is no
                               terminal */
};

/* Connect standard input and output with console `number` until Ctrl-] is
 * typed (on a terminal only), the domain is gone, nobody reads the output any
 * more, or, XK_ERR_TIMEOUT, the deadline given by the person passes. The
 * terminal is as before when it returns. */
int xk_console_attach(struct xk_invocation *invocation,
                      const struct xk_domain *domain, unsigned number,
                      int history_lines, struct xk_error *err);

#endif
