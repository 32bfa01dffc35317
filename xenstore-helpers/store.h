/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store: one table of operations, implemented by xenstored (socket_store.c,
 * wire.c) or by a fake in memory (tests/fakes/fake_store.h).
 *
 * We implement the wire protocol and do not use libxenstore, because every call
 * of that library waits without limit if xenstored is stopped. Here every call
 * ends at its deadline with XK_ERR_TIMEOUT.
 *
 * Paths are absolute ("/local/domain/1/name"); watches also take
 * "@introduceDomain" and "@releaseDomain". Answers of the store are checked. A
 * missing node is XK_ERR_NOT_FOUND, a node without permission XK_ERR_HOST, a
 * broken protocol XK_ERR_PROTOCOL. Only one thread may use a store.
 */
#ifndef XK_XENSTORE_HELPERS_STORE_H
#define XK_XENSTORE_HELPERS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/error.h"

#define XK_STORE_PATH_MAX 3071  /* without the NUL */
#define XK_STORE_VALUE_MAX 4096 /* payload of one message */
#define XK_STORE_NO_TX 0u

struct xk_store_names {
    char **items;
    size_t count;
};

void xk_store_names_free(struct xk_store_names *names);
#define XK_CLEANUP_STORE_NAMES __attribute__((cleanup(xk_store_names_free)))

/* A permission of a node. The first of a list names the owner; its access is
 * that of every domain not listed. */
struct xk_store_perm {
    char access; /* 'n' none, 'r' read, 'w' write, 'b' both */
    unsigned domid;
};

/* A change for xk_store_apply(). */
enum xk_store_change_kind {
    XK_STORE_WRITE,
    XK_STORE_MAKE,
    XK_STORE_REMOVE, /* a missing node is not an error */
    XK_STORE_PERMS,
};

struct xk_store_change {
    enum xk_store_change_kind kind;
    const char *path;
    const char *value;             /* XK_STORE_WRITE */
    struct xk_store_perm perms[2]; /* XK_STORE_PERMS */
    size_t perm_count;
};

/* A watch that fired. path NULL: events were lost, so anything below the
 * watch's path may have changed. */
struct xk_store_event {
    char *path;
    char *token;
};

void xk_store_event_free(struct xk_store_event *event);
#define XK_CLEANUP_STORE_EVENT __attribute__((cleanup(xk_store_event_free)))

enum xk_store_end {
    XK_STORE_DONE = 0,     /* committed, or aborted as asked */
    XK_STORE_CONFLICT = 1, /* another client was faster: do all of it again */
};

struct xk_store;

/* The implementation of a store. Callers use the functions below, which check
 * their arguments first. */
struct xk_store_ops {
    int (*read)(struct xk_store *store, uint32_t tx, const char *path,
                struct xk_buf *value, struct xk_deadline deadline,
                struct xk_error *err);
    /* Read at most XK_STORE_BURST nodes; may be NULL. errnums[i]: why node i
     * could not be read, or 0. */
    int (*read_burst)(struct xk_store *store, uint32_t tx,
                      const char *const *paths, size_t count,
                      struct xk_buf *values, int *errnums,
                      struct xk_deadline deadline, struct xk_error *err);
    /* Make at most XK_STORE_BURST changes; may be NULL. errnums[i]: why change
     * i was refused, or 0. */
    int (*change_burst)(struct xk_store *store, uint32_t tx,
                        const struct xk_store_change *changes, size_t count,
                        int *errnums, struct xk_deadline deadline,
                        struct xk_error *err);
    /* May be NULL. */
    int (*introduce)(struct xk_store *store, unsigned domid, uint64_t gfn,
                     uint32_t port, struct xk_deadline deadline,
                     struct xk_error *err);
    int (*list)(struct xk_store *store, uint32_t tx, const char *path,
                struct xk_store_names *names, struct xk_deadline deadline,
                struct xk_error *err);
    int (*write)(struct xk_store *store, uint32_t tx, const char *path,
                 const void *data, size_t length, struct xk_deadline deadline,
                 struct xk_error *err);
    int (*make)(struct xk_store *store, uint32_t tx, const char *path,
                struct xk_deadline deadline, struct xk_error *err);
    int (*remove)(struct xk_store *store, uint32_t tx, const char *path,
                  struct xk_deadline deadline, struct xk_error *err);
    int (*set_perms)(struct xk_store *store, uint32_t tx, const char *path,
                     const struct xk_store_perm *perms, size_t count,
                     struct xk_deadline deadline, struct xk_error *err);
    int (*begin)(struct xk_store *store, uint32_t *tx,
                 struct xk_deadline deadline, struct xk_error *err);
    int (*end)(struct xk_store *store, uint32_t tx, bool commit,
               struct xk_deadline deadline, struct xk_error *err);
    int (*watch)(struct xk_store *store, const char *path, const char *token,
                 struct xk_deadline deadline, struct xk_error *err);
    int (*unwatch)(struct xk_store *store, const char *path, const char *token,
                   struct xk_deadline deadline, struct xk_error *err);
    int (*next_event)(struct xk_store *store, struct xk_store_event *event,
                      struct xk_error *err);
    int (*fd)(const struct xk_store *store);
    void (*close)(struct xk_store *store);
};

/* Implementations put this first in their own struct. */
struct xk_store {
    const struct xk_store_ops *ops;
};

/* Connect to xenstored. socket_path NULL: its usual socket. XK_ERR_HOST if it
 * does not run; the message says what to do. */
struct xk_store *xk_store_open(const char *socket_path,
                               struct xk_deadline deadline,
                               struct xk_error *err);

/* Make a store from a connected stream socket, which the store then owns. */
struct xk_store *xk_store_open_fd(int fd, struct xk_error *err);

void xk_store_close(struct xk_store *store);
void xk_store_cleanup(struct xk_store **store);
#define XK_CLEANUP_STORE __attribute__((cleanup(xk_store_cleanup)))

/* Append the node's value to *value. XK_ERR_PROTOCOL if it has more than max
 * bytes or contains a NUL: a guest may have written it. */
int xk_store_read(struct xk_store *store, uint32_t tx, const char *path,
                  size_t max, struct xk_buf *value, struct xk_deadline deadline,
                  struct xk_error *err);

/* Append a value of any bytes. Guests ignore the bytes after a NUL, and so
 * should a caller that expects text. */
int xk_store_read_bytes(struct xk_store *store, uint32_t tx, const char *path,
                        size_t max, struct xk_buf *value,
                        struct xk_deadline deadline, struct xk_error *err);

/* Read many nodes as xk_store_read() does, in fewer round trips. The values
 * must be empty, and the caller frees them, also on failure. values[i].data
 * stays NULL if there is no such node, else it ends with a NUL. */
#define XK_STORE_BURST 64
int xk_store_read_all(struct xk_store *store, uint32_t tx,
                      const char *const *paths, size_t count, size_t max,
                      struct xk_buf *values, struct xk_deadline deadline,
                      struct xk_error *err);

/* Read a decimal number from 0 to max, digits only; XK_ERR_PROTOCOL if the node
 * holds anything else. */
int xk_store_read_u64(struct xk_store *store, uint32_t tx, const char *path,
                      uint64_t max, uint64_t *value,
                      struct xk_deadline deadline, struct xk_error *err);

/* List the names of the node's children in the store's order. *names must be
 * empty; the caller frees it. */
int xk_store_list(struct xk_store *store, uint32_t tx, const char *path,
                  struct xk_store_names *names, struct xk_deadline deadline,
                  struct xk_error *err);

/* Write or make a node. Missing parents are made too. */
int xk_store_write(struct xk_store *store, uint32_t tx, const char *path,
                   const char *value, struct xk_deadline deadline,
                   struct xk_error *err);
int xk_store_write_bytes(struct xk_store *store, uint32_t tx, const char *path,
                         const void *data, size_t length,
                         struct xk_deadline deadline, struct xk_error *err);
int xk_store_make(struct xk_store *store, uint32_t tx, const char *path,
                  struct xk_deadline deadline, struct xk_error *err);

/* Remove a node and all below it. A missing node is not an error. */
int xk_store_remove(struct xk_store *store, uint32_t tx, const char *path,
                    struct xk_deadline deadline, struct xk_error *err);

int xk_store_set_perms(struct xk_store *store, uint32_t tx, const char *path,
                       const struct xk_store_perm *perms, size_t count,
                       struct xk_deadline deadline, struct xk_error *err);

/* Make changes in their order, in few round trips. Fails with the first change
 * that the store refuses; later changes may have been made or not, so use a
 * transaction and abort it on failure. */
int xk_store_apply(struct xk_store *store, uint32_t tx,
                   const struct xk_store_change *changes, size_t count,
                   struct xk_deadline deadline, struct xk_error *err);

/* Check a change as far as that is possible without the store. */
int xk_store_check_change(const struct xk_store_change *change,
                          struct xk_error *err);

/* Let a domain use the store, over the ring in its frame gfn and its event
 * channel `port`. */
int xk_store_introduce(struct xk_store *store, unsigned domid, uint64_t gfn,
                       uint32_t port, struct xk_deadline deadline,
                       struct xk_error *err);

/* Fill *err for an errno that the store returned. Returns -1. */
int xk_store_refused(int errnum, const char *path, struct xk_error *err);

/* Run work() in a transaction, and run it again if another client's change
 * conflicts: at most XK_STORE_TRIES times, then XK_ERR_BUSY. If work() returns
 * -1, the transaction is aborted. work() must change nothing but the store. */
#define XK_STORE_TRIES 64
int xk_store_transact(struct xk_store *store,
                      int (*work)(struct xk_store *store, uint32_t tx,
                                  void *context, struct xk_deadline deadline,
                                  struct xk_error *err),
                      void *context, struct xk_deadline deadline,
                      struct xk_error *err);

/* Set a watch. It fires once at once, then for each change at or below path. */
int xk_store_watch(struct xk_store *store, const char *path, const char *token,
                   struct xk_deadline deadline, struct xk_error *err);

/* Remove a watch. No event with this token is returned afterwards. */
int xk_store_unwatch(struct xk_store *store, const char *path,
                     const char *token, struct xk_deadline deadline,
                     struct xk_error *err);

/* Returns 1 and the next event, or 0 if there is none now; does not wait. Equal
 * events are returned once. Any other call may have read events from the
 * descriptor, so call this until it returns 0 before you poll xk_store_fd() for
 * POLLIN. */
int xk_store_next_event(struct xk_store *store, struct xk_store_event *event,
                        struct xk_error *err);

/* Wait for an event. */
int xk_store_wait_event(struct xk_store *store, struct xk_store_event *event,
                        struct xk_deadline deadline, struct xk_error *err);

int xk_store_fd(const struct xk_store *store);

#endif
