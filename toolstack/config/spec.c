/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/spec.h"

#include <stdarg.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"

struct xk_spec
xk_spec_of(const struct xk_cfg_value *value, struct xk_problems *problems)
{
    return (struct xk_spec){
        .text = value->text,
        .where = value->where,
        .raw = value->raw,
        .quoted = value->quoted,
        .problems = problems,
    };
}

struct xk_spec
xk_spec_of_text(const char *text, const char *file,
                struct xk_problems *problems)
{
    return (struct xk_spec){
        .text = text,
        .where = {.file = file, .line = 1, .column = 1},
        .raw = text,
        .problems = problems,
    };
}

struct xk_location
xk_spec_at(const struct xk_spec *spec, size_t offset)
{
    struct xk_location where = spec->where;
    const char *p = spec->raw;

    if (p == NULL)
        return where;
    /* Within quotes every escape is two bytes that stand for one. */
    for (size_t i = 0; i < offset; i++)
        p += spec->quoted && *p == '\\' ? 2 : 1;
    where.column += (unsigned)(p - spec->raw) + spec->quoted;
    return where;
}

static void add(const struct xk_spec *spec, enum xk_severity severity,
                size_t offset, const char *fmt, va_list args)
    __attribute__((format(printf, 4, 0)));

static void
add(const struct xk_spec *spec, enum xk_severity severity, size_t offset,
    const char *fmt, va_list args)
{
    XK_CLEANUP_FREE char *message = xk_vasprintf(fmt, args);
    struct xk_location where = xk_spec_at(spec, offset);

    xk_problem_add(spec->problems, severity, &where, "%s", message);
}

int
xk_spec_error(const struct xk_spec *spec, size_t offset, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add(spec, XK_PROBLEM_ERROR, offset, fmt, args);
    va_end(args);
    return -1;
}

void
xk_spec_warn(const struct xk_spec *spec, size_t offset, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add(spec, XK_PROBLEM_WARNING, offset, fmt, args);
    va_end(args);
}

/* The well-formed sequences of RFC 3629 by their first byte, with the range
 * of the second; the others are 80 to bf. */
static const struct {
    unsigned char first, last, low, high;
    unsigned more;
} utf8_forms[] = {
    {0x01, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 0x80, 0xbf, 1},
    {0xe0, 0xe0, 0xa0, 0xbf, 2}, {0xe1, 0xec, 0x80, 0xbf, 2},
    {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0x80, 0xbf, 2},
    {0xf0, 0xf0, 0x90, 0xbf, 3}, {0xf1, 0xf3, 0x80, 0xbf, 3},
    {0xf4, 0xf4, 0x80, 0x8f, 3},
};

/* The length of the sequence at p, which a NUL ends; 0 if it is none. */
static size_t
utf8_sequence(const unsigned char *p)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(utf8_forms); i++) {
        if (*p < utf8_forms[i].first || *p > utf8_forms[i].last)
            continue;
        for (unsigned k = 1; k <= utf8_forms[i].more; k++) {
            unsigned char low = k == 1 ? utf8_forms[i].low : 0x80;
            unsigned char high = k == 1 ? utf8_forms[i].high : 0xbf;

            if (p[k] < low || p[k] > high)
                return 0;
        }
        return utf8_forms[i].more + 1;
    }
    return 0;
}

bool
xk_utf8_valid(const char *text, size_t *offset)
{
    const unsigned char *start = (const unsigned char *)text, *p = start;

    while (*p != '\0') {
        size_t length = utf8_sequence(p);

        if (length == 0) {
            *offset = (size_t)(p - start);
            return false;
        }
        p += length;
    }
    return true;
}
