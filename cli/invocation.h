/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call of the program: what was asked, what was opened for it, and what it
 * has to say. Verbs write their result to `out`, which is printed when they
 * return, and leave errors and problems to be reported by main().
 */
#ifndef XK_CLI_INVOCATION_H
#define XK_CLI_INVOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/error.h"
#include "cli/command.h"
#include "toolstack/config/problem.h"
#include "toolstack/host_drivers.h"

struct xk_invocation {
    const struct xk_command *command;
    const struct xk_command *const *commands; /* the table it comes from */
    bool json;
    bool version; /* only print the version */
    bool help;    /* only print the help of `command` (NULL: of all) */
    int verbosity;
    const char *hypervisor; /* NULL: the best */
    bool has_timeout;
    int64_t timeout_ms;                        /* where has_timeout */
    struct xk_deadline deadline;               /* of the whole verb */
    const char *option_values[XK_OPTIONS_MAX]; /* by index of command->options;
                                                  "" for a set flag, NULL: no.
                                                  The last one given wins */
    unsigned option_counts[XK_OPTIONS_MAX];
    const char **arguments; /* the positionals, in order */
    size_t argument_count;
    bool host_is_open;
    struct xk_host host;         /* valid while host_is_open */
    struct xk_buf out;           /* for standard output */
    struct xk_problems problems; /* of the configuration */
    size_t problems_shown;       /* how many of them are on the terminal */
};

/* Do what was asked. A zeroed invocation that xk_parse_command_line() has
 * filled in. */
int xk_invocation_run(struct xk_invocation *invocation, struct xk_error *err);

/* Closes what is open; the struct is zeroed. */
void xk_invocation_free(struct xk_invocation *invocation);

/* Open the driver now, for verbs that have something to check before. Once
 * open, nothing. */
int xk_invocation_open_host(struct xk_invocation *invocation,
                            struct xk_error *err);

/* The option at `index` of the row: its value, whether it was given, and how
 * often. */
const char *xk_option_value(const struct xk_invocation *invocation, int index);
bool xk_option_given(const struct xk_invocation *invocation, int index);
unsigned xk_option_count(const struct xk_invocation *invocation, int index);

/* Whether a problem is worth saying: notes are with -v only. */
bool xk_invocation_wants_problem(const struct xk_invocation *invocation,
                                 const struct xk_problem *problem);

/* Show the problems of the configuration on standard error that were not yet
 * shown; with --json they wait for the end (xk_report_end()). */
void xk_invocation_show_problems(struct xk_invocation *invocation);

/* For the verbs that do one thing to the domain named by the first argument:
 * find it, do it, and, with --json, print the domain as it is then. */
typedef int xk_domain_action(struct xk_host *host, struct xk_domain *domain,
                             struct xk_deadline deadline, struct xk_error *err);
int xk_invocation_act(struct xk_invocation *invocation,
                      xk_domain_action *action, struct xk_error *err);

/* With --json print the domain object of `domain` as the result; else
 * nothing. */
int xk_invocation_put_domain(struct xk_invocation *invocation,
                             const struct xk_domain *domain,
                             struct xk_error *err);

/* The same for a domain that may be gone: which one it is, and one member of
 * the verb's own. */
void xk_invocation_put_handle(struct xk_invocation *invocation,
                              const struct xk_domain *domain, const char *key,
                              const char *value);

/* Closes a domain when the scope ends; a zeroed one is not open. */
void xk_domain_scope_end(struct xk_domain *domain);
#define XK_CLEANUP_DOMAIN __attribute__((cleanup(xk_domain_scope_end)))

#endif
