/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json_members.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/util.h"

static int
take_text(const struct xk_json_member *member, const struct xk_json *value,
          void *to, struct xk_error *err)
{
    const char *text = xk_json_string(value);

    if (text == NULL)
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not a string",
                       member->name);
    *(char **)to = xk_strdup(text);
    return 0;
}

static int
take_number(const struct xk_json_member *member, const struct xk_json *value,
            void *to, struct xk_error *err)
{
    int64_t number;

    if (!xk_json_integer(value, &number) || number < member->min ||
        number > member->max)
        return xk_fail(err, XK_ERR_CONFIG,
                       "\"%s\" is not a number from %u to %u", member->name,
                       member->min, member->max);
    *(uint32_t *)to = (uint32_t)number;
    return 0;
}

static int
take_flag(const struct xk_json_member *member, const struct xk_json *value,
          void *to, struct xk_error *err)
{
    if (!xk_json_is_true(value) && !xk_json_is_false(value))
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not true or false",
                       member->name);
    *(bool *)to = xk_json_is_true(value);
    return 0;
}

static int (*const take_by[])(const struct xk_json_member *member,
                              const struct xk_json *value, void *to,
                              struct xk_error *err) = {
    [XK_MEMBER_TEXT] = take_text,
    [XK_MEMBER_NUMBER] = take_number,
    [XK_MEMBER_FLAG] = take_flag,
};
static_assert(XK_ARRAY_SIZE(take_by) == XK_MEMBER_FLAG + 1,
              "one call per type");

int
xk_json_take_members(const struct xk_json *object,
                     const struct xk_json_member *members, size_t count,
                     void *to, struct xk_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct xk_json *value = xk_json_get(object, members[i].name);

        if (value == NULL && !members[i].required)
            continue;
        if (value == NULL)
            return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is missing",
                           members[i].name);
        if (take_by[members[i].type](&members[i], value,
                                     (char *)to + members[i].at, err) == -1)
            return -1;
    }
    return 0;
}

void
xk_json_free_members(const struct xk_json_member *members, size_t count,
                     void *from)
{
    for (size_t i = 0; i < count; i++) {
        char **text = (char **)((char *)from + members[i].at);

        if (members[i].type != XK_MEMBER_TEXT)
            continue;
        free(*text);
        *text = NULL;
    }
}
