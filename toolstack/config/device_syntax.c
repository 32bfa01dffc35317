/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/device_syntax.h"

#include <stdarg.h>

#include "base/cleanup.h"
#include "base/mem.h"

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
    /* Within quotes an escape sequence is two bytes for one byte of text. */
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
