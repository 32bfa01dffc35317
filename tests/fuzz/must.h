/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Check a property that holds for every input; otherwise crash. */
#ifndef XK_TESTS_FUZZ_MUST_H
#define XK_TESTS_FUZZ_MUST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void
must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

/* For a condition that explains itself. */
#define must_hold(condition) must(condition, #condition)

#endif
