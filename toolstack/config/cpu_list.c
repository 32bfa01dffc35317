/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdbool.h>
#include <string.h>

#include "toolstack/config/resolve.h"

enum {
    CPU_MAX = 65535
};

static bool
take_number(const char **p, unsigned *number)
{
    const char *start = *p;

    for (*number = 0; **p >= '0' && **p <= '9'; (*p)++) {
        *number = 10 * *number + (unsigned)(**p - '0');
        if (*number > CPU_MAX)
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

/* One term up to its comma. */
static const char *
check_term(const char **p)
{
    bool negated = skip(p, "^");
    unsigned first, last;

    if (!skip(p, "nodes:"))
        skip(p, "node:");
    if (skip(p, "all"))
        return negated ? "'^' and 'all' do not go together" : NULL;
    if (!take_number(p, &first))
        return "CPUs are written as \"0-3,^1,nodes:1\" or \"all\"";
    if (!skip(p, "-"))
        return NULL;
    if (!take_number(p, &last) || last < first)
        return "a range ends in a number that is not below its first";
    return NULL;
}

const char *
xk_cpu_list_check(const char *text)
{
    const char *p = text;

    while (*p != '\0') {
        const char *wrong = NULL;

        if (*p == ',') { /* xl skips what is empty */
            p++;
            continue;
        }
        wrong = check_term(&p);
        if (wrong != NULL)
            return wrong;
        if (*p != '\0' && *p != ',')
            return "CPUs are written as \"0-3,^1,nodes:1\" or \"all\"";
    }
    return NULL;
}
