/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Match one rule of disk specifications against a text; see disk_syntax.c. A
 * line ends at a line feed or at the end of the text.
 */
#ifndef XK_TOOLSTACK_CONFIG_DISK_RULE_H
#define XK_TOOLSTACK_CONFIG_DISK_RULE_H

#include <stddef.h>

enum xk_disk_rule_kind {
    /* "+ line": the rest of the line counts for the length of the match, but
     * is not taken. */
    XK_DISK_RULE_BLANK,      /* blanks + line */
    XK_DISK_RULE_VALUE,      /* NAME=...[,] */
    XK_DISK_RULE_FLAG,       /* NAME[,] */
    XK_DISK_RULE_REST,       /* NAME=... to the end of the line */
    XK_DISK_RULE_UNKNOWN,    /* [a-z][-a-z0-9]*=?[,] */
    XK_DISK_RULE_PREFIX,     /* NAME: + line */
    XK_DISK_RULE_ANY_PREFIX, /* [a-z][a-z0-9]*: + line, not before [a-z0-9] */
    XK_DISK_RULE_POSITIONAL, /* ...[,] without '=' */
    XK_DISK_RULE_ANYTHING,   /* one byte that no other rule matches */
};

struct xk_disk_rule {
    enum xk_disk_rule_kind kind;
    const char *name; /* with its '=' or ':'; "" if the kind has no name */
};

/* A text, and the line that was searched last. */
struct xk_disk_text {
    const char *text;
    size_t line_start, line_end; /* offsets */
};

struct xk_disk_match {
    size_t taken;  /* bytes that the rule takes */
    size_t length; /* with the bytes it only looks at; 0: no match */
};

struct xk_disk_match xk_disk_rule_match(const struct xk_disk_rule *rule,
                                        struct xk_disk_text *text,
                                        size_t offset);

#endif
