/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output on standard error: the error that ends a verb, problems of a
 * configuration, progress. */
#ifndef XK_CLI_REPORT_H
#define XK_CLI_REPORT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/invocation.h"
#include "toolstack/config/problem.h"

/* Print one line on standard error, for people. */
void xk_report_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print "FILE:LINE:COLUMN: warning: MESSAGE" on standard error. */
void xk_report_problem(const struct xk_problem *problem);

/* Write the members of the problem into the open object. */
void xk_report_problem_members(struct xk_json_writer *writer,
                               const struct xk_problem *problem);

/* Report the end of a verb: print the problems not yet shown, and append the
 * error (NULL: none) to `lines`, for standard error. With --json the problems
 * are a member of the error, or lines of their own if there is no error. */
void xk_report_end(struct xk_invocation *invocation,
                   const struct xk_error *error, struct xk_buf *lines);

/* Report one step of a verb that may take long: with --json a line of JSON;
 * otherwise, if standard error is a terminal, a line that the next one
 * overwrites. An empty step erases the line. */
void xk_report_step(const struct xk_invocation *invocation, const char *step,
                    const char *domain);

#endif
