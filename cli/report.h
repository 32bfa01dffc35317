/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes to standard error: the error that ends a verb, problems of a
 * configuration, progress. */
#ifndef XK_CLI_REPORT_H
#define XK_CLI_REPORT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/invocation.h"
#include "toolstack/config/problem.h"

/* One line on standard error, for people. */
void xk_report_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "FILE:LINE:COLUMN: warning: MESSAGE" on standard error. */
void xk_report_problem(const struct xk_problem *problem);

/* The problem's members, into the object that is open. */
void xk_report_problem_members(struct xk_json_writer *writer,
                               const struct xk_problem *problem);

/* What is to be said when the verb has ended, as lines for standard error: the
 * problems not yet shown and the error (NULL: none). With --json the problems
 * are a member of the error, or lines of their own where all went well. */
void xk_report_end(struct xk_invocation *invocation,
                   const struct xk_error *error, struct xk_buf *lines);

/* One step of a verb that may take long: a line of JSON with --json; else a
 * line that the next one overwrites, where standard error is a terminal. An
 * empty step wipes the line. */
void xk_report_step(const struct xk_invocation *invocation, const char *step,
                    const char *domain);

#endif
