/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call of the program: the parsed command line, what was opened for it, and
 * its result. A verb writes its result to `out`, which is printed when the verb
 * returns. main() reports errors and problems.
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
    const struct xk_command *const *commands; /* the table that has it */
    bool json;
    bool version; /* only print the version */
    bool help;    /* only print the help of `command` (NULL: of all) */
    int verbosity;
    const char *hypervisor; /* NULL: the default of this host */
    bool has_timeout;
    int64_t timeout_ms;          /* valid if has_timeout */
    struct xk_deadline deadline; /* for the whole verb */
    /* By index of command->options; "" for a flag that was given, NULL: not
     * given. The last one wins. */
    const char *option_values[XK_OPTIONS_MAX];
    unsigned option_counts[XK_OPTIONS_MAX];
    const char **arguments; /* the positionals, in order */
    size_t argument_count;
    bool host_is_open;
    struct xk_host host;         /* valid while host_is_open */
    struct xk_buf out;           /* for standard output */
    struct xk_problems problems; /* of the configuration */
    size_t problems_shown;       /* how many of them have been printed */
};

/* Run the verb, or print help or version. The invocation was zeroed and then
 * filled in by xk_parse_command_line(). */
int xk_invocation_run(struct xk_invocation *invocation, struct xk_error *err);

/* Close what is open and zero the struct. */
void xk_invocation_free(struct xk_invocation *invocation);

/* Open the host, for verbs that check something before. Does nothing if it is
 * open. */
int xk_invocation_open_host(struct xk_invocation *invocation,
                            struct xk_error *err);

/* The option at `index` of the table: its value, whether it was given, and how
 * often. */
const char *xk_option_value(const struct xk_invocation *invocation, int index);
bool xk_option_given(const struct xk_invocation *invocation, int index);
unsigned xk_option_count(const struct xk_invocation *invocation, int index);

/* Return whether a problem is to be shown: notes only with -v. */
bool xk_invocation_wants_problem(const struct xk_invocation *invocation,
                                 const struct xk_problem *problem);

/* Print the problems of the configuration that were not printed yet. With
 * --json they wait for xk_report_end(). */
void xk_invocation_show_problems(struct xk_invocation *invocation);

/* For verbs that do one thing to the domain named by the first argument: find
 * the domain, run `action`, and with --json print the domain afterwards. */
typedef int xk_domain_action(struct xk_host *host, struct xk_domain *domain,
                             struct xk_deadline deadline, struct xk_error *err);
int xk_invocation_act(struct xk_invocation *invocation,
                      xk_domain_action *action, struct xk_error *err);

/* With --json print the domain object of `domain` as the result; otherwise do
 * nothing. */
int xk_invocation_put_domain(struct xk_invocation *invocation,
                             const struct xk_domain *domain,
                             struct xk_error *err);

/* The same for a domain that may be gone: print only its identity, and one
 * member of the verb's own. */
void xk_invocation_put_handle(struct xk_invocation *invocation,
                              const struct xk_domain *domain, const char *key,
                              const char *value);

/* Close a domain at the end of a scope; a zeroed domain is not open. */
void xk_domain_scope_end(struct xk_domain *domain);
#define XK_CLEANUP_DOMAIN __attribute__((cleanup(xk_domain_scope_end)))

#endif
