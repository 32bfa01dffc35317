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

/* Set the message to "<text><joint><reason>". If that is too long, cut the text
 * and not the reason. fmt's arguments may point into the old message. */
static void
compose(struct xk_error *err, const char *joint, const char *reason,
        const char *fmt, va_list args)
{
    char text[XK_ERROR_MESSAGE_MAX];
    char tail[XK_ERROR_MESSAGE_MAX / 2];
    int room;

    vsnprintf(text, sizeof(text), fmt, args);
    snprintf(tail, sizeof(tail), "%s%s", joint, reason);
    room = (int)(sizeof(err->message) - 1 - strlen(tail));
    snprintf(err->message, sizeof(err->message), "%.*s%s", room, text, tail);
}

int
xk_fail(struct xk_error *err, enum xk_error_kind kind, const char *fmt, ...)
{
    va_list args;

    if (err == NULL)
        return -1;
    err->kind = kind;
    err->errnum = 0;
    va_start(args, fmt);
    compose(err, "", "", fmt, args);
    va_end(args);
    return -1;
}

int
xk_fail_errno(struct xk_error *err, const char *fmt, ...)
{
    int saved = errno;
    va_list args;

    if (err == NULL)
        return -1;
    err->kind = saved == EACCES || saved == EPERM ? XK_ERR_HOST : XK_ERR_SYSTEM;
    err->errnum = saved;
    va_start(args, fmt);
    compose(err, ": ", strerror(saved), fmt, args);
    va_end(args);
    errno = saved;
    return -1;
}

/* Returns as much of the end of a message as can be kept: the cause is at the
 * end. */
static const char *
keep_end(const char *message)
{
    size_t length = strlen(message);
    size_t room = XK_ERROR_MESSAGE_MAX / 2 - sizeof(": ");

    return length > room ? message + length - room : message;
}

int
xk_wrap(struct xk_error *err, const char *fmt, ...)
{
    char inner[XK_ERROR_MESSAGE_MAX];
    va_list args;

    if (err == NULL)
        return -1;
    memcpy(inner, err->message, sizeof(inner));
    va_start(args, fmt);
    compose(err, ": ", keep_end(inner), fmt, args);
    va_end(args);
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

enum xk_error_kind
xk_error_kind_by_name(const char *name)
{
    for (size_t i = 0; name != NULL && i < XK_ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return (enum xk_error_kind)i;
    }
    return XK_ERR_FAILED;
}
