/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of configuration keys. One row of keys.def gives a key its name,
 * type, range and meaning; parsing, `xk check`, completion and xk.cfg(5) are
 * made from it. What becomes of a key on a hypervisor is in driver_facts.h.
 */
#ifndef XK_TOOLSTACK_CONFIG_KEY_H
#define XK_TOOLSTACK_CONFIG_KEY_H

#include <stddef.h>
#include <stdint.h>

enum xk_key {
#define XK_KEY_ROW(id, ...) XK_KEY_##id,
#include "toolstack/config/keys.def"
#undef XK_KEY_ROW
    XK_KEY_COUNT,
};

enum xk_key_type {
    XK_KEY_BOOL,    /* 0 or 1, as number or string */
    XK_KEY_INTEGER, /* with a range */
    XK_KEY_STRING,
    XK_KEY_ENUM, /* one of a list of words */
    XK_KEY_LIST, /* a list of strings, or a single string */
    /* A list of lists of strings. Each inner list becomes one item: its strings
     * joined by line feeds. */
    XK_KEY_NESTED,
    XK_KEY_TYPE_COUNT,
};

/* Domain types a key has an effect on: 1 << enum xk_domain_type. */
enum {
    XK_KEY_ON_PV = 1 << 0,
    XK_KEY_ON_PVH = 1 << 1,
    XK_KEY_ON_HVM = 1 << 2,
    XK_KEY_ON_ALL = XK_KEY_ON_PV | XK_KEY_ON_PVH | XK_KEY_ON_HVM,
};

enum {
    /* XK_KEY_LIST: a string is read as a list of one, as in xl. */
    XK_KEY_SINGLE = 1 << 0,
    /* XK_KEY_SINGLE: the string is split at blanks; xl calls it deprecated. */
    XK_KEY_SPLIT = 1 << 1,
    /* XK_KEY_ENUM: a word may be given by its number, from 0; xl calls that
     * deprecated. */
    XK_KEY_NUMBERED = 1 << 2,
    /* XK_KEY_ENUM: upper and lower case are the same, as in xl. */
    XK_KEY_ANY_CASE = 1 << 3,
    /* Adjusts something that the domain has in any case. If the domain's type
     * or the hypervisor cannot do it, that is a warning and not an error. */
    XK_KEY_TUNING = 1 << 4,
    /* An obsolete form. The reader warns, and turns it into another key or
     * ignores it; `meaning` says which. */
    XK_KEY_DEPRECATED = 1 << 5,
    /* A secret: messages must not show it. */
    XK_KEY_SECRET = 1 << 6,
};

struct xk_key_info {
    const char *name;
    enum xk_key_type type;
    int64_t min, max;  /* XK_KEY_INTEGER, inclusive */
    const char *words; /* XK_KEY_ENUM, XK_KEY_LIST: the words that a value or
                          an item may be, separated by '|'. XK_KEY_STRING:
                          words among other values. "": none */
    int importance;    /* 1 (essential) to 4 (expert) */
    unsigned types;    /* XK_KEY_ON_* */
    unsigned flags;
    const char *meaning; /* a sentence or more for xk.cfg(5) */
};

const struct xk_key_info *xk_key_info(enum xk_key key);

/* Returns the key of exactly that name, or XK_KEY_COUNT. */
enum xk_key xk_key_find(const char *name);

/* Returns the name of the key that `name` is probably a misspelling of, or
 * NULL. */
const char *xk_key_suggest(const char *name);

#endif
