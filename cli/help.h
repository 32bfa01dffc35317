/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Help made from the table of verbs, as text and as JSON. */
#ifndef XK_CLI_HELP_H
#define XK_CLI_HELP_H

#include "base/buf.h"
#include "cli/command.h"
#include "cli/invocation.h"

/* Append the help of one verb, or of the program (NULL), to invocation->out. */
void xk_help_put(struct xk_invocation *invocation,
                 const struct xk_command *command);

void xk_help_put_version(struct xk_invocation *invocation);

/* Append "create [options] [FILE] [KEY=VALUE...]". */
void xk_help_put_usage(struct xk_buf *out, const struct xk_command *command);

/* Append "-f FILE, --defconfig=FILE". */
void xk_help_put_option(struct xk_buf *out, const struct xk_option *option);

/* Return whether this row ends a table of options. */
bool xk_option_is_end(const struct xk_option *option);

#endif
