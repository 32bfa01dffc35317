/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xk-libxl: the program that calls libxl, one process for each call.
 *
 * libxl waits without limit for xenstored and others, exits where it cannot go
 * on, and costs each program that links it time and memory. So it has a process
 * of its own, which can be ended at a deadline, and what it leaves then is
 * found by the domain's UUID and taken away by teardown().
 *
 * It is told what to do by its arguments and the JSON on its standard input,
 * and answers with one JSON object on descriptor 3: the result, or
 * {"error":{"kind":…,"message":…}}. It dies with us, and holds the record's
 * lock until then.
 */
#ifndef XK_TOOLSTACK_XEN_HELPER_CALLER_H
#define XK_TOOLSTACK_XEN_HELPER_CALLER_H

#include "toolstack/seam/device_ops.h"
#include "toolstack/seam/transfer_ops.h"
#include "toolstack/xen/domains.h"

enum {
    XK_XEN_HELPER_FD = 3,     /* where it answers */
    XK_XEN_HELPER_STREAM = 4, /* a stream that it reads or writes */
    XK_XEN_HELPER_LOCK = 5,   /* the record's lock */
    XK_XEN_HELPER_INPUT_MAX = 8 << 20,
};

struct xk_xen_call {
    const char *program;        /* NULL: xk-libxl */
    const char *const *argv;    /* ended by NULL: the verb and its arguments */
    const struct xk_buf *input; /* JSON, or NULL: none */
    int stream_fd;              /* -1: none; stays the caller's */
    int lock_fd; /* of the record, which it holds as well; -1: none */
    const struct xk_send_watch *watch; /* asked now and then; may be NULL */
};

/* Run it. *result (may be NULL) is the caller's. While it runs xenstored is
 * asked whether it is still there; where it is not, the call ends. */
int xk_xen_helper(struct xk_xen *xen, const struct xk_xen_call *call,
                  struct xk_json **result, struct xk_deadline deadline,
                  struct xk_error *err);

/* The same for a verb and one domain; record may be NULL. */
int xk_xen_helper_simple(struct xk_xen *xen, const char *verb,
                         const struct xk_record *record, unsigned domid,
                         const char *argument, struct xk_deadline deadline,
                         struct xk_error *err);

/* The same for a verb that takes a configuration (build.c). */
int xk_xen_helper_config(struct xk_xen *xen, const char *program,
                         const char *verb, const struct xk_record *record,
                         const struct xk_domain_config *config, int stream_fd,
                         const struct xk_send_watch *watch,
                         struct xk_json **result, struct xk_deadline deadline,
                         struct xk_error *err);

/* Make libxl's disks of a domain those of the configuration (build.c). */
int xk_xen_sync_libxl_disks(struct xk_xen *xen, const struct xk_record *record,
                            unsigned domid, const struct xk_change *change,
                            struct xk_deadline deadline, struct xk_error *err);

/* Once libxl has made the domain: attach the devices that xk-backend serves.
 * answer is what libxl said (build.c). */
int xk_xen_attach_ours(struct xk_xen *xen, const struct xk_record *record,
                       const struct xk_domain_config *config,
                       const struct xk_json *answer,
                       struct xk_deadline deadline, struct xk_error *err);

#endif
