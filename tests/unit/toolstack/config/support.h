/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers of the tests of the configuration parser. */
#ifndef XK_TESTS_UNIT_TOOLSTACK_CONFIG_SUPPORT_H
#define XK_TESTS_UNIT_TOOLSTACK_CONFIG_SUPPORT_H

#include "toolstack/config/domain_config.h"

/* Parse a text as file "t", with overrides up to a NULL. The caller owns the
 * result and *problems. */
struct xk_domain_config *read_text(struct xk_problems *problems,
                                   const char *text, ...)
    __attribute__((sentinel));

/* Parse a text that must be valid, without even a warning. */
struct xk_domain_config *read_good(const char *text);

/* The text must cause exactly this problem, formatted, and no other. */
void expect_problem(const char *text, const char *problem);

/* Whether one of the problems, formatted, equals this text. */
bool has_problem(const struct xk_problems *problems, const char *problem);

/* Print the problems, for a failed test. */
void print_problems(const struct xk_problems *problems);

/* Returns the configuration as JSON, owned by the caller. */
char *to_json(const struct xk_domain_config *config);

#endif
