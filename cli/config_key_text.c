/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/config_key_text.h"

#include <assert.h>
#include <inttypes.h>

#include "base/util.h"

static const char *const type_names[] = {
    [XK_KEY_BOOL] = "boolean",  [XK_KEY_INTEGER] = "integer",
    [XK_KEY_STRING] = "string", [XK_KEY_ENUM] = "word",
    [XK_KEY_LIST] = "list",     [XK_KEY_NESTED] = "list of lists",
};
static_assert(XK_ARRAY_SIZE(type_names) == XK_KEY_TYPE_COUNT,
              "one name per type");

static const char *const fate_names[] = {
    [XK_FATE_SAME] = "same",
    [XK_FATE_MAPPED] = "mapped",
    [XK_FATE_IGNORED] = "ignored",
    [XK_FATE_UNSUPPORTED] = "unsupported",
};
static_assert(XK_ARRAY_SIZE(fate_names) == XK_FATE_COUNT, "one name per fate");

const char *
xk_key_type_name(enum xk_key_type type)
{
    return type_names[type];
}

const char *
xk_fate_name(enum xk_fate fate)
{
    return fate_names[fate];
}

void
xk_key_put_type(struct xk_buf *out, const struct xk_key_info *key)
{
    if (key->type == XK_KEY_ENUM)
        xk_buf_puts(out, key->words);
    else
        xk_buf_puts(out, xk_key_type_name(key->type));
    if (key->type == XK_KEY_INTEGER)
        xk_buf_printf(out, " %" PRId64 " to %" PRId64, key->min, key->max);
}
