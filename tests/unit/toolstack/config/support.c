/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/toolstack/config/support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct xk_domain_config *
read_text(struct xk_problems *problems, const char *text, ...)
{
    const char *overrides[8];
    const char *override;
    size_t count = 0;
    struct xk_error err;
    va_list args;

    va_start(args, text);
    while ((override = va_arg(args, const char *)) != NULL)
        overrides[count++] = override;
    va_end(args);
    return xk_config_parse("t", text, strlen(text), overrides, count, problems,
                           &err);
}

void
print_problems(const struct xk_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        char *text = xk_problem_format(&problems->items[i]);

        print_error("  %s\n", text);
        free(text);
    }
}

bool
has_problem(const struct xk_problems *problems, const char *problem)
{
    for (size_t i = 0; i < problems->count; i++) {
        char *text = xk_problem_format(&problems->items[i]);
        bool same = strcmp(text, problem) == 0;

        free(text);
        if (same)
            return true;
    }
    return false;
}

struct xk_domain_config *
read_good(const char *text)
{
    struct xk_problems problems = {0};
    struct xk_domain_config *config = read_text(&problems, text, NULL);

    if (config == NULL || problems.count > 0) {
        print_problems(&problems);
        fail_msg("not without problems:\n%s", text);
    }
    return config;
}

void
expect_problem(const char *text, const char *problem)
{
    struct xk_problems problems = {0};
    struct xk_domain_config *config = read_text(&problems, text, NULL);

    if (problems.count != 1 || !has_problem(&problems, problem)) {
        print_problems(&problems);
        fail_msg("not exactly this problem:\n  %s\nin:\n%s", problem, text);
    }
    assert_int_equal(config == NULL, problems.errors > 0);
    xk_config_free(config);
    xk_problems_free(&problems);
}

char *
to_json(const struct xk_domain_config *config)
{
    struct xk_buf out = {0};
    struct xk_json_writer *writer = xk_json_writer_new(&out, false);

    xk_config_to_json(config, writer, NULL);
    xk_json_writer_free(writer);
    return xk_buf_take(&out);
}
