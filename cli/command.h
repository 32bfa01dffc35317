/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command table: one row and one file for each verb. Option parsing, help,
 * completion and the manual page are made from the rows.
 */
#ifndef XK_CLI_COMMAND_H
#define XK_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The kind of a word on the command line, for checks and completion. */
enum xk_argument_kind {
    XK_ARG_NONE, /* an option without a value */
    XK_ARG_TEXT,
    XK_ARG_FILE,
    XK_ARG_DOMAIN,
    XK_ARG_HYPERVISOR, /* the name of a driver; others are refused */
    XK_ARG_NUMBER,     /* decimal digits; others are refused */
    XK_ARG_VERB,
    XK_ARG_OVERRIDE, /* KEY=VALUE */
};

struct xk_option {
    char letter;      /* 'p', or 0 */
    const char *name; /* "paused", without the dashes, or NULL */
    enum xk_argument_kind value;
    const char *metavar; /* "SECONDS", NULL for XK_ARG_NONE */
    const char *help;    /* one line */
    const char *refused; /* for an option of xl that xk does not support: what
                            to do instead. Else NULL */
};

/* Rows of a table of options. */
#define XK_FLAG(letter, name, help)                                            \
    {                                                                          \
        letter, name, XK_ARG_NONE, NULL, help, NULL                            \
    }
#define XK_VALUE(letter, name, kind, metavar, help)                            \
    {                                                                          \
        letter, name, kind, metavar, help, NULL                                \
    }
#define XK_REFUSED(letter, name, help, instead)                                \
    {                                                                          \
        letter, name, XK_ARG_NONE, NULL, help, instead                         \
    }
#define XK_REFUSED_VALUE(letter, name, kind, metavar, help, instead)           \
    {                                                                          \
        letter, name, kind, metavar, help, instead                             \
    }

/* A positional argument: "[FILE] [KEY=VALUE...]". */
struct xk_positional {
    const char *metavar;
    enum xk_argument_kind kind;
    bool optional;
    bool repeated; /* only the last */
};

enum {
    XK_OPTIONS_MAX = 20,
    XK_POSITIONALS_MAX = 4,
};

struct xk_invocation;

/* Each file has an enum of its options, which indexes the table and is passed
 * to xk_option_value() and friends (cli/invocation.h). */
struct xk_command {
    const char *name;
    const char *summary; /* one line, lower case, no full stop */
    const char *details; /* paragraphs for the manual page and "xk help VERB",
                            split by blank lines */
    /* Ended by a zeroed row, at most XK_OPTIONS_MAX options; NULL: none. A
     * pointer and not a fixed array: inline options add pages of relocations to
     * the start of every verb. */
    const struct xk_option *options;
    struct xk_positional positionals[XK_POSITIONALS_MAX];
    unsigned timeout_s; /* for the whole verb; 0: no limit */
    bool no_json;       /* refuse --json: the verb has no result to print */
    bool needs_host;    /* open the host before run() */
    bool hidden;        /* not in help and completion: internal verbs */
    int (*run)(struct xk_invocation *invocation, struct xk_error *err);
};

/* All verbs of this build, in the order of the help, ended by NULL. */
extern const struct xk_command *const xk_commands[];

#endif
