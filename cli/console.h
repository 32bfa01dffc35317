/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connect this terminal to the console of a domain. */
#ifndef XK_CLI_CONSOLE_H
#define XK_CLI_CONSOLE_H

#include "base/error.h"
#include "cli/invocation.h"

/* How much earlier output is shown: a number of lines, or one of these. */
enum {
    XK_HISTORY_ALL = -1,
    XK_HISTORY_SCREEN = -2, /* one screenful; all if standard output is not a
                               terminal */
};

/* Connect standard input and output with console `number` until Ctrl-] is typed
 * (on a terminal only), the domain is gone, or the reader of the output is gone
 * (XK_ERR_FAILED); XK_ERR_TIMEOUT if --timeout passes before. Restores the
 * terminal before it returns. */
int xk_console_attach(struct xk_invocation *invocation,
                      const struct xk_domain *domain, unsigned number,
                      int history_lines, struct xk_error *err);

#endif
