/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/problem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    /* Kept per severity: a hostile file must not produce a list many times its
     * size. The counts include the rest. */
    KEPT_MAX = 256
};

static const char *const severity_names[] = {
    [XK_PROBLEM_NOTE] = "note",
    [XK_PROBLEM_WARNING] = "warning",
    [XK_PROBLEM_ERROR] = "error",
};
static_assert(XK_ARRAY_SIZE(severity_names) == XK_PROBLEM_ERROR + 1,
              "one name per severity");

/* Messages quote files and are printed on terminals, so control characters must
 * be escaped. */
static char *
printable(const char *text)
{
    XK_CLEANUP_BUF struct xk_buf out = {0};

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '\n')
            xk_buf_puts(&out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            xk_buf_printf(&out, "\\x%02x", c);
        else
            xk_buf_append(&out, text, 1);
    }
    return xk_buf_take(&out);
}

static size_t
count_of(const struct xk_problems *problems, enum xk_severity severity)
{
    if (severity == XK_PROBLEM_ERROR)
        return problems->errors;
    if (severity == XK_PROBLEM_WARNING)
        return problems->warnings;
    return problems->count; /* notes come last and are few */
}

void
xk_problem_add(struct xk_problems *problems, enum xk_severity severity,
               const struct xk_location *where, const char *fmt, ...)
{
    XK_CLEANUP_FREE char *message = NULL;
    struct xk_problem *problem;
    va_list args;
    bool keep = count_of(problems, severity) < KEPT_MAX;

    problems->errors += severity == XK_PROBLEM_ERROR;
    problems->warnings += severity == XK_PROBLEM_WARNING;
    if (!keep)
        return;
    va_start(args, fmt);
    message = xk_vasprintf(fmt, args);
    va_end(args);
    XK_GROW(problems->items, problems->count);
    problem = &problems->items[problems->count++];
    problem->severity = severity;
    problem->kind = XK_ERR_CONFIG;
    problem->message = printable(message);
    problem->file =
        printable(where != NULL && where->file != NULL ? where->file : "");
    problem->line = where != NULL ? where->line : 0;
    problem->column = where != NULL ? where->column : 0;
}

void
xk_problem_add_error(struct xk_problems *problems,
                     const struct xk_location *where,
                     const struct xk_error *err)
{
    size_t before = problems->count;

    xk_problem_add(problems, XK_PROBLEM_ERROR, where, "%s", err->message);
    if (problems->count > before)
        problems->items[before].kind = err->kind;
}

void
xk_problems_free(struct xk_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].file);
        free(problems->items[i].message);
    }
    free(problems->items);
    *problems = (struct xk_problems){0};
}

const char *
xk_severity_name(enum xk_severity severity)
{
    assert(severity < XK_ARRAY_SIZE(severity_names));
    return severity_names[severity];
}

char *
xk_problem_format(const struct xk_problem *problem)
{
    XK_CLEANUP_BUF struct xk_buf out = {0};

    if (problem->file[0] != '\0')
        xk_buf_puts(&out, problem->file);
    if (problem->file[0] != '\0' && problem->line > 0)
        xk_buf_printf(&out, ":%u", problem->line);
    if (problem->file[0] != '\0' && problem->line > 0 && problem->column > 0)
        xk_buf_printf(&out, ":%u", problem->column);
    if (problem->file[0] != '\0')
        xk_buf_puts(&out, ": ");
    xk_buf_printf(&out, "%s: %s", xk_severity_name(problem->severity),
                  problem->message);
    return xk_buf_take(&out);
}

int
xk_problems_fail(const struct xk_problems *problems, struct xk_error *err)
{
    const struct xk_problem *first = NULL;
    XK_CLEANUP_FREE char *text = NULL;

    assert(problems->errors > 0);
    for (size_t i = 0; first == NULL && i < problems->count; i++) {
        if (problems->items[i].severity == XK_PROBLEM_ERROR)
            first = &problems->items[i];
    }
    assert(first != NULL);
    text = first->file[0] != '\0' ? xk_problem_format(first)
                                  : xk_strdup(first->message);
    if (problems->errors == 1)
        return xk_fail(err, first->kind, "%s", text);
    return xk_fail(err, first->kind, "%s (and %zu more)", text,
                   problems->errors - 1);
}
