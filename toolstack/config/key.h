/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of configuration keys. One row of keys.def gives a key its name,
 * type, range, and meaning on each hypervisor; parsing, `xk check`, completion
 * and xk.cfg(5) are made from it.
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
};

/* What becomes of a key on a hypervisor. */
enum xk_fate {
    XK_FATE_SAME,        /* means what xl.cfg(5) says */
    XK_FATE_MAPPED,      /* done by other means; the text says which */
    XK_FATE_IGNORED,     /* has no effect here and none is missed; why */
    XK_FATE_UNSUPPORTED, /* refused: the domain would not be what was asked */
};

struct xk_key_fate {
    enum xk_fate fate;
    const char *why; /* "" where the fate is SAME */
};

struct xk_key_info {
    const char *name;
    enum xk_key_type type;
    int64_t min, max;  /* XK_KEY_INTEGER, inclusive */
    const char *words; /* XK_KEY_ENUM: the words, separated by '|' */
    int importance;    /* 1 (essential) to 4 (expert) */
    struct xk_key_fate xen, kvm;
    const char *meaning; /* a sentence or more for xk.cfg(5) */
};

const struct xk_key_info *xk_key_info(enum xk_key key);

/* The key of that exact name, or XK_KEY_COUNT. */
enum xk_key xk_key_find(const char *name);

/* The known key that `name` was probably meant to be, or NULL. */
const char *xk_key_suggest(const char *name);

#endif
