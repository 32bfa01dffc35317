/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a helper: xk-libxl, which calls libxl, or xk-build. One process per
 * call.
 *
 * libxl waits without limit for xenstored and others, exits if it cannot
 * continue, and costs every program that links it time and memory. So it runs
 * in a process of its own, which can be killed at a deadline. teardown() finds
 * the remains of a killed call by the domain's UUID and removes them.
 *
 * The helper gets a verb with arguments, and JSON on its standard input. It
 * answers with one JSON object on descriptor 3: the result, or
 * {"error":{"kind":…,"message":…}}. It dies with the caller, and holds the
 * record's lock until then.
 */
#ifndef XK_TOOLSTACK_XEN_HELPER_CALLER_H
#define XK_TOOLSTACK_XEN_HELPER_CALLER_H

#include "toolstack/seam/transfer_ops.h"

enum {
    /* The helper's descriptors. */
    XK_XEN_HELPER_FD = 3,     /* for the answer */
    XK_XEN_HELPER_STREAM = 4, /* the stream that it reads or writes */
    XK_XEN_HELPER_LOCK = 5,   /* the record's lock */

    XK_XEN_HELPER_INPUT_MAX = 8 << 20,
};

struct xk_xen;

struct xk_xen_call {
    const char *program;        /* NULL: xk-libxl */
    const char *const *argv;    /* the verb and its arguments; ends with NULL */
    const struct xk_buf *input; /* JSON, or NULL: none */
    int stream_fd;              /* -1: none; still owned by the caller */
    int lock_fd;                /* the record's, for the helper; -1: none */
    const struct xk_send_watch *watch; /* polled while it runs; may be NULL */
};

/* Run the helper. The caller owns *result; result may be NULL. While the helper
 * runs, poll xenstored, and fail if it does not answer. */
int xk_xen_helper(struct xk_xen *xen, const struct xk_xen_call *call,
                  struct xk_json **result, struct xk_deadline deadline,
                  struct xk_error *err);

/* Run xk-libxl's verb for one domain. record: the helper holds its lock, may be
 * NULL; argument: may be NULL. */
int xk_xen_helper_simple(struct xk_xen *xen, const char *verb,
                         const struct xk_record *record, unsigned domid,
                         const char *argument, struct xk_deadline deadline,
                         struct xk_error *err);

#endif
