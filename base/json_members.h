/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Read members of a JSON object into a struct, by a table. */
#ifndef XK_BASE_JSON_MEMBERS_H
#define XK_BASE_JSON_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

/* A member of an object and the place of its value in a struct. */
struct xk_json_member {
    const char *name;
    enum {
        XK_MEMBER_TEXT,   /* char *, owned by the struct */
        XK_MEMBER_NUMBER, /* uint32_t */
        XK_MEMBER_FLAG,   /* bool */
    } type;
    size_t at;
    bool required;
    uint32_t min, max; /* of a number */
};

/* Take the `count` members of `object` into the struct at `to`, whose texts are
 * NULL. What is missing and not required leaves its place as it is.
 * XK_ERR_CONFIG names the member; what was taken before it stays. */
int xk_json_take_members(const struct xk_json *object,
                         const struct xk_json_member *members, size_t count,
                         void *to, struct xk_error *err);

/* Free the texts of the members, and set them to NULL. */
void xk_json_free_members(const struct xk_json_member *members, size_t count,
                          void *from);

#endif
