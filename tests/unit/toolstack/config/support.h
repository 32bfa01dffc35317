/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the configuration reader share. */
#ifndef XK_TESTS_UNIT_TOOLSTACK_CONFIG_SUPPORT_H
#define XK_TESTS_UNIT_TOOLSTACK_CONFIG_SUPPORT_H

#include "toolstack/config/domain_config.h"

/* Read a text whose file is called "t", with overrides up to a NULL. What is
 * returned and *problems are the caller's. */
struct xk_domain_config *read_text(struct xk_problems *problems,
                                   const char *text, ...)
    __attribute__((sentinel));

/* The configuration of a text that must be right, without even a warning. */
struct xk_domain_config *read_good(const char *text);

/* The text must give exactly this problem, formatted, and no other. */
void expect_problem(const char *text, const char *problem);

/* Whether one of the problems, formatted, is this one. */
bool has_problem(const struct xk_problems *problems, const char *problem);

/* Print what is there, for a failure. */
void print_problems(const struct xk_problems *problems);

/* The configuration as JSON, owned by the caller. */
char *to_json(const struct xk_domain_config *config);

#endif
