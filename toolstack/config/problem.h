/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong, or worth saying, about a configuration: a list of problems,
 * each with its place in the file. Readers add to the list and go on, so that
 * a person sees every problem at once.
 */
#ifndef XK_TOOLSTACK_CONFIG_PROBLEM_H
#define XK_TOOLSTACK_CONFIG_PROBLEM_H

#include <stddef.h>

#include "base/error.h"

/* A place in a configuration. line and column count from 1; 0: unknown, or the
 * file as a whole. file is the path as given, or "command line" for an
 * override; it is not owned. */
struct xk_location {
    const char *file;
    unsigned line;
    unsigned column; /* in bytes */
};

enum xk_severity {
    XK_PROBLEM_NOTE,    /* a key is mapped to something else here */
    XK_PROBLEM_WARNING, /* unknown key, deprecated form: the domain can run */
    XK_PROBLEM_ERROR,   /* the domain cannot be made from this */
};

struct xk_problem {
    enum xk_severity severity;
    enum xk_error_kind kind; /* of an error; XK_ERR_CONFIG, unless set after */
    char *file;              /* owned copy */
    unsigned line, column;
    char *message;
};

/* A zeroed struct is an empty list. */
struct xk_problems {
    struct xk_problem *items; /* in the order they were found */
    size_t count;
    size_t errors;   /* how many are errors */
    size_t warnings; /* how many are warnings */
};

void xk_problem_add(struct xk_problems *problems, enum xk_severity severity,
                    const struct xk_location *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The error *err, of its kind. */
void xk_problem_add_error(struct xk_problems *problems,
                          const struct xk_location *where,
                          const struct xk_error *err);
void xk_problems_free(struct xk_problems *problems);

/* "error", "warning", "note". */
const char *xk_severity_name(enum xk_severity severity);

/* "FILE:LINE:COLUMN: error: MESSAGE", owned by the caller. */
char *xk_problem_format(const struct xk_problem *problem);

/* Fill *err from the first error of the list, saying how many more there are;
 * returns -1. Only when problems->errors > 0. */
int xk_problems_fail(const struct xk_problems *problems, struct xk_error *err);

#endif
