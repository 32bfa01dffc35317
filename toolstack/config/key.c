/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/key.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/util.h"
#include "toolstack/config/suggest.h"

/* The flags and domain types, as keys.def abbreviates them. */
enum {
    ON_ALL = XK_KEY_ON_ALL,
    ON_PV = XK_KEY_ON_PV,
    ON_PVH = XK_KEY_ON_PVH,
    ON_HVM = XK_KEY_ON_HVM,
    ON_PV_PVH = XK_KEY_ON_PV | XK_KEY_ON_PVH,
    ON_HVM_PVH = XK_KEY_ON_HVM | XK_KEY_ON_PVH,
    SINGLE = XK_KEY_SINGLE,
    SPLIT = XK_KEY_SPLIT,
    NUMBERED = XK_KEY_NUMBERED,
    ANY_CASE = XK_KEY_ANY_CASE,
    TUNING = XK_KEY_TUNING,
    DEPRECATED = XK_KEY_DEPRECATED,
    SECRET = XK_KEY_SECRET,
};

static const struct xk_key_info keys[] = {
#define XK_KEY_ROW(id_, name_, type_, min_, max_, words_, importance_, types_, \
                   flags_, meaning_)                                           \
    [XK_KEY_##id_] = {                                                         \
        .name = name_,                                                         \
        .type = XK_KEY_##type_,                                                \
        .min = min_,                                                           \
        .max = max_,                                                           \
        .words = words_,                                                       \
        .importance = importance_,                                             \
        .types = ON_##types_,                                                  \
        .flags = flags_,                                                       \
        .meaning = meaning_,                                                   \
    },
#include "toolstack/config/keys.def"
#undef XK_KEY_ROW
};
static_assert(XK_ARRAY_SIZE(keys) == XK_KEY_COUNT, "one row per key");

const struct xk_key_info *
xk_key_info(enum xk_key key)
{
    assert(key < XK_KEY_COUNT);
    return &keys[key];
}

enum xk_key
xk_key_find(const char *name)
{
    for (size_t i = 0; i < XK_KEY_COUNT; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return (enum xk_key)i;
    }
    return XK_KEY_COUNT;
}

const char *
xk_key_suggest(const char *name)
{
    struct xk_suggest suggest;

    xk_suggest_init(&suggest, name);
    for (size_t i = 0; i < XK_KEY_COUNT; i++)
        xk_suggest_offer(&suggest, keys[i].name);
    return xk_suggest_best(&suggest);
}
