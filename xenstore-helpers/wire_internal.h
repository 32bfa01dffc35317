/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to and from xenstored; for this room only. */
#ifndef XK_XENSTORE_HELPERS_WIRE_INTERNAL_H
#define XK_XENSTORE_HELPERS_WIRE_INTERNAL_H

#include "xenstore-helpers/store.h"

/* The header of each message, in the machine's byte order. */
struct xk_wire_header {
    uint32_t type;
    uint32_t request; /* number of the request, repeated by its answer */
    uint32_t tx;
    uint32_t length; /* of the payload that follows */
};

/* xen/include/public/io/xs_wire.h */
enum xk_wire_type {
    XK_WIRE_LIST = 1,
    XK_WIRE_READ = 2,
    XK_WIRE_WATCH = 4,
    XK_WIRE_UNWATCH = 5,
    XK_WIRE_BEGIN = 6,
    XK_WIRE_END = 7,
    XK_WIRE_INTRODUCE = 8,
    XK_WIRE_WRITE = 11,
    XK_WIRE_MKDIR = 12,
    XK_WIRE_RM = 13,
    XK_WIRE_SET_PERMS = 14,
    XK_WIRE_EVENT = 15,
    XK_WIRE_ERROR = 16,
    XK_WIRE_LIST_PART = 20,
};

struct xk_store *xk_wire_new(int fd, const struct xk_store_ops *ops);

/* One request with its payload. path is only for error messages. */
struct xk_wire_ask {
    enum xk_wire_type type;
    const char *path;
    const void *data;
    size_t length;
};

/* Send all requests, at most XK_WIRE_BURST, then read their answers; with more,
 * each side could wait for the other to read. Answers are appended to payloads,
 * which may be NULL. A request that the store refuses does not fail the call:
 * errnums[i] is its errno, else 0. */
enum {
    XK_WIRE_BURST = 64
};
int xk_wire_burst(struct xk_store *store, uint32_t tx,
                  const struct xk_wire_ask *asks, size_t count,
                  struct xk_buf *payloads, int *errnums,
                  struct xk_deadline deadline, struct xk_error *err);

/* Send one request and append its answer to *payload. path is only for error
 * messages. */
int xk_wire_request(struct xk_store *store, uint32_t type, uint32_t tx,
                    const char *path, const void *data, size_t length,
                    struct xk_buf *payload, struct xk_deadline deadline,
                    struct xk_error *err);

void xk_wire_forget(struct xk_store *store, const char *token);
int xk_wire_next_event(struct xk_store *store, struct xk_store_event *event,
                       struct xk_error *err);
int xk_wire_fd(const struct xk_store *store);
void xk_wire_close(struct xk_store *store);

/* "ENOENT" -> ENOENT; EINVAL for a name that is not in the protocol. */
int xk_wire_errno(const char *name);

#endif
