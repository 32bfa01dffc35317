/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors are values: a function that can fail takes a struct xk_error * as its
 * last argument and returns -1 or NULL. Only main() prints an error or exits.
 */
#ifndef XK_BASE_ERROR_H
#define XK_BASE_ERROR_H

#include <stdarg.h>

/* The kind of a failure. Each kind has one exit status and one name in
 * base/error.c. Choose the kind by what the user must do about the failure. */
enum xk_error_kind {
    XK_ERR_FAILED,      /* the operation was tried and failed */
    XK_ERR_SYSTEM,      /* a system call failed; the message ends in strerror */
    XK_ERR_PROTOCOL,    /* a peer, file or store broke its protocol or format */
    XK_ERR_USAGE,       /* the command line is wrong */
    XK_ERR_CONFIG,      /* a configuration is wrong */
    XK_ERR_NOT_FOUND,   /* no such domain or device */
    XK_ERR_EXISTS,      /* the name or UUID is taken */
    XK_ERR_IN_USE,      /* another holds the resource; name the holder */
    XK_ERR_STATE,       /* the domain's state does not allow this */
    XK_ERR_BUSY,        /* another verb holds the domain; name the verb */
    XK_ERR_UNSUPPORTED, /* this hypervisor or build cannot do that */
    XK_ERR_TIMEOUT,     /* the deadline passed */
    XK_ERR_HOST,        /* this host cannot: permission, program, hypervisor */
    XK_ERR_COUNT,
};

#define XK_ERROR_MESSAGE_MAX 2048

struct xk_error {
    enum xk_error_kind kind;
    int errnum; /* errno of the system call that failed, else 0 */
    char message[XK_ERROR_MESSAGE_MAX];
};

/* Fill *err and return -1, so that a caller can write
 * `return xk_fail(err, XK_ERR_STATE, ...)`. Write the message in lower case,
 * without a full stop, and with quotes around user data. err may be NULL. */
int xk_fail(struct xk_error *err, enum xk_error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Fill *err from errno: append ": " and strerror to the message. The kind is
 * XK_ERR_HOST for EACCES and EPERM, else XK_ERR_SYSTEM. Keeps errno. */
int xk_fail_errno(struct xk_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "<text>: " in front of the message of an error that is already set, and
 * return -1. Keeps the kind. */
int xk_wrap(struct xk_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns the exit status of a kind, by the CLI contract (1 to 8). */
int xk_error_exit_status(enum xk_error_kind kind);

/* Returns the name of a kind as --json errors have it ("not-found"). */
const char *xk_error_kind_name(enum xk_error_kind kind);

/* Returns the kind of that name, or XK_ERR_FAILED. name may be NULL. */
enum xk_error_kind xk_error_kind_by_name(const char *name);

#endif
