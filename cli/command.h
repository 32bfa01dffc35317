/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command table. One row and one file per verb; parsing of options, help,
 * completion and the manual page are made from the rows.
 */
#ifndef XK_CLI_COMMAND_H
#define XK_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/domain.h"

/* What a word on the command line is, for checks and completion. */
enum xk_argument_kind {
    XK_ARG_NONE, /* an option without a value */
    XK_ARG_TEXT,
    XK_ARG_FILE,
    XK_ARG_DOMAIN,
    XK_ARG_HYPERVISOR, /* "xen", "kvm" */
    XK_ARG_NUMBER,
    XK_ARG_VERB,
    XK_ARG_OVERRIDE, /* KEY=VALUE */
};

struct xk_option {
    char letter;      /* 'p', or 0 */
    const char *name; /* "paused", without the dashes, or NULL */
    enum xk_argument_kind value;
    const char *metavar; /* "SECONDS", NULL for XK_ARG_NONE */
    const char *help;    /* one line */
};

/* Where a word stands, "[FILE] [KEY=VALUE...]". */
struct xk_positional {
    const char *metavar;
    enum xk_argument_kind kind;
    bool optional;
    bool repeated; /* only the last */
};

enum {
    XK_OPTIONS_MAX = 12,
    XK_POSITIONALS_MAX = 4
};

struct xk_invocation;

struct xk_command {
    const char *name;
    const char *summary; /* one line, lower case, no stop */
    const char *details; /* a paragraph for the manual page */
    struct xk_option options[XK_OPTIONS_MAX]; /* ended by a zeroed row */
    struct xk_positional positionals[XK_POSITIONALS_MAX];
    bool needs_host; /* open the driver before run() */
    bool hidden;     /* not in help and completion: internal verbs */
    int (*run)(struct xk_invocation *invocation, struct xk_error *err);
};

/* One call of the program: what was asked, and what was opened for it. */
struct xk_invocation {
    const struct xk_command *command;
    bool json;
    int verbosity;
    const char *hypervisor; /* NULL: the best */
    bool has_timeout;
    struct xk_deadline deadline;               /* of the whole verb */
    const char *option_values[XK_OPTIONS_MAX]; /* by index of command->options;
                                                  "" for a set flag, NULL: no */
    int option_counts[XK_OPTIONS_MAX];
    const char *const *arguments; /* the positionals */
    size_t argument_count;
    struct xk_host *host; /* open if command->needs_host, else NULL */
};

extern const struct xk_command *const xk_commands[]; /* ended by NULL */

#endif
