/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parse the command line by the table of verbs.
 *
 *   xk [global options] VERB [options and arguments in any order]
 *
 * An option of the verb hides a global option of the same letter. Short options
 * may be combined ("-pc"). Long options and verbs, except hidden verbs, may be
 * abbreviated as long as they are unambiguous. "--" ends the options.
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

/* Fill in a zeroed invocation. `words` are the words after the program's name;
 * they must outlive the invocation. Errors are XK_ERR_USAGE, or
 * XK_ERR_UNSUPPORTED for an option that is refused; `json` is valid then too.
 */
int xk_parse_command_line(struct xk_invocation *invocation,
                          const struct xk_command *const *commands, int count,
                          const char *const *words, struct xk_error *err);

/* Return the verb of that name or unambiguous prefix; NULL: XK_ERR_USAGE. */
const struct xk_command *
xk_command_find(const struct xk_command *const *commands, const char *word,
                struct xk_error *err);

/* Parse a number of seconds ("12", "0.25"), rounded up to milliseconds. Returns
 * false for anything else, and for more than about 30 years. */
bool xk_parse_seconds(const char *text, int64_t *milliseconds);

#endif
