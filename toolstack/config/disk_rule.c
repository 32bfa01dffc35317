/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/disk_rule.h"

#include <stdbool.h>
#include <string.h>

/* Returns the distance from offset to the end of its line. The line is
 * remembered, because searching it again at each offset would let a hostile
 * text take quadratic time. */
static size_t
line_length(struct xk_disk_text *text, size_t offset)
{
    if (offset < text->line_start || offset > text->line_end) {
        text->line_start = offset;
        text->line_end = offset + strcspn(text->text + offset, "\n");
    }
    return text->line_end - offset;
}

static struct xk_disk_match
taking(size_t length)
{
    return (struct xk_disk_match){length, length};
}

/* Returns the length including the comma, if one follows. */
static size_t
with_comma(const char *p, size_t length)
{
    return length + (p[length] == ',');
}

static bool
is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static struct xk_disk_match
match_unknown(const char *p)
{
    size_t i = 0;

    if (*p >= 'a' && *p <= 'z') {
        while (is_lower_alnum(p[i]) || p[i] == '-')
            i++;
    }
    if (i == 0 || p[i] != '=' || p[i + 1] == '\0' || p[i + 1] == ',')
        return (struct xk_disk_match){0};
    return taking(with_comma(p, i + 2));
}

static struct xk_disk_match
match_any_prefix(struct xk_disk_text *text, size_t offset)
{
    const char *p = text->text + offset;
    size_t i = 0;

    if (*p >= 'a' && *p <= 'z') {
        while (is_lower_alnum(p[i]))
            i++;
    }
    if (i == 0 || p[i++] != ':')
        return (struct xk_disk_match){0};
    if (p[i] == '\0' || is_lower_alnum(p[i]))
        return taking(i);
    return (struct xk_disk_match){i, i + 1 + line_length(text, offset + i + 1)};
}

static struct xk_disk_match
match_named(const struct xk_disk_rule *rule, struct xk_disk_text *text,
            size_t offset)
{
    const char *p = text->text + offset;
    size_t length = strlen(rule->name);

    if (strncmp(p, rule->name, length) != 0)
        return (struct xk_disk_match){0};
    if (rule->kind == XK_DISK_RULE_FLAG)
        return taking(with_comma(p, length));
    if (rule->kind == XK_DISK_RULE_VALUE)
        return taking(with_comma(p, length + strcspn(p + length, ",")));
    if (rule->kind == XK_DISK_RULE_REST)
        return taking(length + line_length(text, offset + length));
    return (struct xk_disk_match){length,
                                  length + line_length(text, offset + length)};
}

static struct xk_disk_match
match_blank(struct xk_disk_text *text, size_t offset)
{
    size_t blanks = strspn(text->text + offset, " \t\n");

    if (blanks == 0)
        return (struct xk_disk_match){0};
    return (struct xk_disk_match){blanks,
                                  blanks + line_length(text, offset + blanks)};
}

struct xk_disk_match
xk_disk_rule_match(const struct xk_disk_rule *rule, struct xk_disk_text *text,
                   size_t offset)
{
    const char *p = text->text + offset;

    switch (rule->kind) {
    case XK_DISK_RULE_BLANK:
        return match_blank(text, offset);
    case XK_DISK_RULE_UNKNOWN:
        return match_unknown(p);
    case XK_DISK_RULE_ANY_PREFIX:
        return match_any_prefix(text, offset);
    case XK_DISK_RULE_POSITIONAL:
        return taking(with_comma(p, strcspn(p, "=,")));
    case XK_DISK_RULE_ANYTHING:
        return taking(1);
    case XK_DISK_RULE_VALUE:
    case XK_DISK_RULE_FLAG:
    case XK_DISK_RULE_REST:
    case XK_DISK_RULE_PREFIX:
        break;
    }
    return match_named(rule, text, offset);
}
