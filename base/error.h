/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors are values: every function that can fail takes a struct xk_error *
 * last and returns -1 or NULL. Only main() prints an error or exits.
 */
#ifndef XK_BASE_ERROR_H
#define XK_BASE_ERROR_H

#include <stdarg.h>

/* What kind of failure it is; each kind has one exit status and one name in
 * base/error.c. Choose by what the person must do about it. */
enum xk_error_kind {
    XK_ERR_FAILED,      /* the work was tried and did not succeed */
    XK_ERR_SYSTEM,      /* a system call failed; the message ends in strerror */
    XK_ERR_PROTOCOL,    /* a peer, file or store said what it must not say */
    XK_ERR_USAGE,       /* the command line is wrong */
    XK_ERR_CONFIG,      /* a configuration is wrong */
    XK_ERR_NOT_FOUND,   /* no such domain or device */
    XK_ERR_EXISTS,      /* the name or UUID is taken */
    XK_ERR_IN_USE,      /* a resource is held by another; name the holder */
    XK_ERR_STATE,       /* the domain is not in a state that allows this */
    XK_ERR_BUSY,        /* another verb holds the domain; name it */
    XK_ERR_UNSUPPORTED, /* this hypervisor or build does not do that */
    XK_ERR_TIMEOUT,     /* the deadline passed */
    XK_ERR_HOST,        /* this host cannot: permission, program, hypervisor */
    XK_ERR_COUNT,
};

#define XK_ERROR_MESSAGE_MAX 2048

struct xk_error {
    enum xk_error_kind kind;
    int errnum; /* errno where the failure was a system call, else 0 */
    char message[XK_ERROR_MESSAGE_MAX];
};

/* Fill *err and return -1, so that a caller can write
 * `return xk_fail(err, XK_ERR_STATE, ...)`. The message is lower case, has no
 * final stop and puts quotes round user data. err may be NULL. */
int xk_fail(struct xk_error *err, enum xk_error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same from errno: appends ": " and strerror. The kind is XK_ERR_HOST for
 * EACCES and EPERM, else XK_ERR_SYSTEM. errno is preserved. */
int xk_fail_errno(struct xk_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "<text>: " in front of the message of an error already set; returns -1.
 * The kind stays. */
int xk_wrap(struct xk_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The exit status of the CLI contract for a kind (1 to 8). */
int xk_error_exit_status(enum xk_error_kind kind);

/* The name of a kind as it stands in --json errors ("not-found"). */
const char *xk_error_kind_name(enum xk_error_kind kind);

/* The kind of that name, or XK_ERR_FAILED. name may be NULL. */
enum xk_error_kind xk_error_kind_by_name(const char *name);

#endif
