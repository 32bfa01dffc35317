/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the command line by the table of verbs.
 *
 *   xk [global options] VERB [options and arguments in any order]
 *
 * Options of the verb come before global ones of the same letter. Short
 * options may stand together ("-pc"), long ones may be cut short while they
 * stay unambiguous; "--" ends the options. So may verbs, but for hidden ones.
 */
#ifndef XK_CLI_PARSE_H
#define XK_CLI_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/invocation.h"

/* Global options, ended by a zeroed row. */
extern const struct xk_option xk_global_options[];

/* Fill in a zeroed invocation. The words are those after the program's name;
 * they must outlive the invocation. Errors are of kind XK_ERR_USAGE, or
 * XK_ERR_UNSUPPORTED for an option that is refused; `json` is right even
 * then. */
int xk_parse_command_line(struct xk_invocation *invocation,
                          const struct xk_command *const *commands, int count,
                          const char *const *words, struct xk_error *err);

/* The verb of that name or unambiguous prefix. */
const struct xk_command *
xk_command_find(const struct xk_command *const *commands, const char *word,
                struct xk_error *err);

/* "12", "0.25": a number of seconds, rounded up to milliseconds; false for
 * anything else, and for more than about 30 years. */
bool xk_parse_seconds(const char *text, int64_t *milliseconds);

#endif
