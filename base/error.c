/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static const struct {
    const char *name;
    int exit_status;
} kinds[] = {
    [XK_ERR_FAILED] = {"failed", 1},
    [XK_ERR_SYSTEM] = {"system", 1},
    [XK_ERR_PROTOCOL] = {"protocol", 1},
    [XK_ERR_USAGE] = {"usage", 2},
    [XK_ERR_CONFIG] = {"config", 2},
    [XK_ERR_NOT_FOUND] = {"not-found", 3},
    [XK_ERR_EXISTS] = {"exists", 4},
    [XK_ERR_IN_USE] = {"in-use", 4},
    [XK_ERR_STATE] = {"wrong-state", 5},
    [XK_ERR_BUSY] = {"busy", 5},
    [XK_ERR_UNSUPPORTED] = {"unsupported", 6},
    [XK_ERR_TIMEOUT] = {"timed-out", 7},
    [XK_ERR_HOST] = {"host", 8},
};
static_assert(XK_ARRAY_SIZE(kinds) == XK_ERR_COUNT, "one row per error kind");

int
xk_fail(struct xk_error *err, enum xk_error_kind kind, const char *fmt, ...)
{
    va_list args;

    if (err == NULL)
        return -1;
    err->kind = kind;
    err->errnum = 0;
    va_start(args, fmt);
    vsnprintf(err->message, sizeof(err->message), fmt, args);
    va_end(args);
    return -1;
}

int
xk_fail_errno(struct xk_error *err, const char *fmt, ...)
{
    int saved = errno;
    va_list args;
    size_t used;

    if (err == NULL)
        return -1;
    err->kind = saved == EACCES || saved == EPERM ? XK_ERR_HOST : XK_ERR_SYSTEM;
    err->errnum = saved;
    va_start(args, fmt);
    vsnprintf(err->message, sizeof(err->message), fmt, args);
    va_end(args);
    used = strlen(err->message);
    snprintf(err->message + used, sizeof(err->message) - used, ": %s",
             strerror(saved));
    errno = saved;
    return -1;
}

int
xk_wrap(struct xk_error *err, const char *fmt, ...)
{
    char inner[XK_ERROR_MESSAGE_MAX];
    va_list args;
    size_t used;

    if (err == NULL)
        return -1;
    memcpy(inner, err->message, sizeof(inner));
    va_start(args, fmt);
    vsnprintf(err->message, sizeof(err->message), fmt, args);
    va_end(args);
    used = strlen(err->message);
    snprintf(err->message + used, sizeof(err->message) - used, ": %s", inner);
    return -1;
}

int
xk_error_exit_status(enum xk_error_kind kind)
{
    return kinds[kind].exit_status;
}

const char *
xk_error_kind_name(enum xk_error_kind kind)
{
    return kinds[kind].name;
}
