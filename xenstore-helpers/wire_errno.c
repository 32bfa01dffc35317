/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "xenstore-helpers/wire_internal.h"

/* The errors of xs_wire.h. */
static const struct {
    const char *name;
    int errnum;
} names[] = {
    {"EINVAL", EINVAL}, {"EACCES", EACCES},   {"EEXIST", EEXIST},
    {"EISDIR", EISDIR}, {"ENOENT", ENOENT},   {"ENOMEM", ENOMEM},
    {"ENOSPC", ENOSPC}, {"EIO", EIO},         {"ENOTEMPTY", ENOTEMPTY},
    {"ENOSYS", ENOSYS}, {"EROFS", EROFS},     {"EBUSY", EBUSY},
    {"EAGAIN", EAGAIN}, {"EISCONN", EISCONN}, {"E2BIG", E2BIG},
    {"EPERM", EPERM},
};

int
xk_wire_errno(const char *name)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(names); i++) {
        if (strcmp(names[i].name, name) == 0)
            return names[i].errnum;
    }
    return EINVAL;
}
