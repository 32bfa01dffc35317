/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdbool.h>
#include <string.h>

#include "toolstack/config/ranges.h"
#include "toolstack/config/resolve.h"

static const char form[] = "CPUs are written as \"0-3,^1,nodes:1\" or \"all\"";

static bool
take_number(const char **p, unsigned *number)
{
    const char *start = *p;

    for (*number = 0; **p >= '0' && **p <= '9'; (*p)++) {
        *number = 10 * *number + (unsigned)(**p - '0');
        if (*number > XK_CPU_MAX)
            return false;
    }
    return *p != start;
}

static bool
skip(const char **p, const char *prefix)
{
    size_t length = strlen(prefix);

    if (strncmp(*p, prefix, length) != 0)
        return false;
    *p += length;
    return true;
}

/* Parse one term up to its comma. Returns NULL, or what is wrong. */
static const char *
take_term(const char **p, struct xk_cpu_term *term)
{
    *term = (struct xk_cpu_term){.negated = skip(p, "^")};
    term->nodes = skip(p, "nodes:") || skip(p, "node:");
    term->all = skip(p, "all");
    if (term->all)
        return term->negated ? "'^' and 'all' cannot be combined" : NULL;
    if (!take_number(p, &term->first))
        return form;
    term->last = term->first;
    if (!skip(p, "-"))
        return NULL;
    if (!take_number(p, &term->last) || term->last < term->first)
        return "a range must not end below its start";
    return NULL;
}

bool
xk_cpu_term_next(const char **text, struct xk_cpu_term *term,
                 const char **wrong)
{
    *wrong = NULL;
    while (skip(text, ",")) {
        /* xl skips empty terms */
    }
    if (**text == '\0')
        return false;
    *wrong = take_term(text, term);
    if (*wrong == NULL && **text != '\0' && **text != ',')
        *wrong = form;
    return *wrong == NULL;
}

const char *
xk_cpu_list_check(const char *text)
{
    struct xk_cpu_term term;
    const char *wrong;

    while (xk_cpu_term_next(&text, &term, &wrong)) {
    }
    return wrong;
}
