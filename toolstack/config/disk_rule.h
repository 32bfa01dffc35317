/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of a text the rules of disk specifications match; see disk_syntax.c.
 * A line ends at a line feed or with the text.
 */
#ifndef XK_TOOLSTACK_CONFIG_DISK_RULE_H
#define XK_TOOLSTACK_CONFIG_DISK_RULE_H

#include <stddef.h>

enum xk_disk_rule_kind {
    XK_DISK_RULE_BLANK,      /* blanks, and what follows on the line counts */
    XK_DISK_RULE_VALUE,      /* NAME=...[,] */
    XK_DISK_RULE_FLAG,       /* NAME[,] */
    XK_DISK_RULE_REST,       /* NAME=... to the end of the line */
    XK_DISK_RULE_UNKNOWN,    /* [a-z][-a-z0-9]*=?[,] */
    XK_DISK_RULE_PREFIX,     /* NAME: and the rest of the line counts */
    XK_DISK_RULE_ANY_PREFIX, /* [a-z][a-z0-9]*: and the rest of the line
                                counts, unless [a-z0-9] follows */
    XK_DISK_RULE_POSITIONAL, /* ...[,] without '=' */
    XK_DISK_RULE_ANYTHING,   /* one byte that fits nowhere */
};

struct xk_disk_rule {
    enum xk_disk_rule_kind kind;
    const char *name; /* with its '=' or ':'; "" where the kind has none */
};

/* A text and the line that was looked at last. */
struct xk_disk_text {
    const char *text;
    size_t line_start, line_end; /* offsets */
};

struct xk_disk_match {
    size_t taken;  /* bytes of the rule's own */
    size_t length; /* with those it looks at only; 0: it does not match */
};

struct xk_disk_match xk_disk_rule_match(const struct xk_disk_rule *rule,
                                        struct xk_disk_text *text,
                                        size_t offset);

#endif
