/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Problems of a configuration: errors, warnings and notes, each with its
 * position in the file. Parsers add to the list and continue, so that the user
 * sees every problem at once.
 */
#ifndef XK_TOOLSTACK_CONFIG_PROBLEM_H
#define XK_TOOLSTACK_CONFIG_PROBLEM_H

#include <stddef.h>

#include "base/error.h"

/* A position in a configuration. line and column count from 1; 0: unknown, or
 * the whole file. file is the path as given, or "command line" for an override;
 * it is not owned. */
struct xk_location {
    const char *file;
    unsigned line;
    unsigned column; /* in bytes */
};

enum xk_severity {
    XK_PROBLEM_NOTE,    /* a key is mapped to something else on this host */
    XK_PROBLEM_WARNING, /* unknown key, deprecated form; the domain can run */
    XK_PROBLEM_ERROR,   /* a domain cannot be created from this */
};

struct xk_problem {
    enum xk_severity severity;
    enum xk_error_kind kind; /* of an error; XK_ERR_CONFIG by default */
    char *file;              /* owned copy */
    unsigned line, column;
    char *message;
};

/* A zeroed struct is an empty list. */
struct xk_problems {
    struct xk_problem *items; /* in the order in which they were found */
    size_t count;
    size_t errors;   /* how many are errors */
    size_t warnings; /* how many are warnings */
};

void xk_problem_add(struct xk_problems *problems, enum xk_severity severity,
                    const struct xk_location *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Add the error *err with its kind. */
void xk_problem_add_error(struct xk_problems *problems,
                          const struct xk_location *where,
                          const struct xk_error *err);
void xk_problems_free(struct xk_problems *problems);

/* "error", "warning", "note". */
const char *xk_severity_name(enum xk_severity severity);

/* "FILE:LINE:COLUMN: error: MESSAGE", owned by the caller. */
char *xk_problem_format(const struct xk_problem *problem);

/* Fill *err from the first error of the list, and say how many more there are.
 * Returns -1. problems->errors must be > 0. */
int xk_problems_fail(const struct xk_problems *problems, struct xk_error *err);

#endif
