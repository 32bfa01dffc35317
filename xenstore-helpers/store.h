/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store: one table of operations, served by xenstored (wire.c) or by a
 * fake in memory (tests/fakes/fake_store.h).
 *
 * The wire protocol is spoken here and not by libxenstore, because every call
 * of that library waits without limit when xenstored is stopped. Here every
 * call ends by its deadline with XK_ERR_TIMEOUT.
 *
 * Paths are absolute ("/local/domain/1/name"), or "@introduceDomain" and
 * "@releaseDomain" for watches. What the store answers is checked: a node that
 * is not there is XK_ERR_NOT_FOUND, one that may not be touched XK_ERR_HOST, a
 * store that breaks the protocol XK_ERR_PROTOCOL. One thread per store.
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
#define XK_STORE_VALUE_MAX 4096 /* the whole of one message */
#define XK_STORE_NO_TX 0u

struct xk_store_names {
    char **items;
    size_t count;
};

void xk_store_names_free(struct xk_store_names *names);
#define XK_CLEANUP_STORE_NAMES __attribute__((cleanup(xk_store_names_free)))

/* Who may touch a node. The first of a list is the owner, whose access stands
 * for that of everyone not listed. */
struct xk_store_perm {
    char access; /* 'n' none, 'r' read, 'w' write, 'b' both */
    unsigned domid;
};

/* One of many changes. */
enum xk_store_change_kind {
    XK_STORE_WRITE,
    XK_STORE_MAKE,
    XK_STORE_REMOVE, /* not there is no error */
    XK_STORE_PERMS,
};

struct xk_store_change {
    enum xk_store_change_kind kind;
    const char *path;
    const char *value;             /* XK_STORE_WRITE */
    struct xk_store_perm perms[2]; /* XK_STORE_PERMS */
    size_t perm_count;
};

/* A watch that fired. path NULL: too much happened, anything under the watch
 * may have changed. */
struct xk_store_event {
    char *path;
    char *token;
};

void xk_store_event_free(struct xk_store_event *event);
#define XK_CLEANUP_STORE_EVENT __attribute__((cleanup(xk_store_event_free)))

enum xk_store_end {
    XK_STORE_DONE = 0,     /* carried out */
    XK_STORE_CONFLICT = 1, /* another was faster: do the whole again */
};

struct xk_store;

/* What stands behind a store. Callers use the functions below, which check
 * their arguments first. */
struct xk_store_ops {
    int (*read)(struct xk_store *store, uint32_t tx, const char *path,
                struct xk_buf *value, struct xk_deadline deadline,
                struct xk_error *err);
    /* At most XK_STORE_BURST; may be NULL. errnums[i] is why there is none. */
    int (*read_burst)(struct xk_store *store, uint32_t tx,
                      const char *const *paths, size_t count,
                      struct xk_buf *values, int *errnums,
                      struct xk_deadline deadline, struct xk_error *err);
    /* At most XK_STORE_BURST; may be NULL. errnums[i] is why not, or 0. */
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

/* Connect to xenstored. socket_path NULL: where the host has it. XK_ERR_HOST
 * with what to do where there is none. */
struct xk_store *xk_store_open(const char *socket_path,
                               struct xk_deadline deadline,
                               struct xk_error *err);

/* The same over a connected stream socket, which is owned from now on. */
struct xk_store *xk_store_open_fd(int fd, struct xk_error *err);

void xk_store_close(struct xk_store *store);
void xk_store_cleanup(struct xk_store **store);
#define XK_CLEANUP_STORE __attribute__((cleanup(xk_store_cleanup)))

/* Append the value to *value. More than max bytes, or a NUL among them, are
 * XK_ERR_PROTOCOL: what stands in the store may be a guest's. */
int xk_store_read(struct xk_store *store, uint32_t tx, const char *path,
                  size_t max, struct xk_buf *value, struct xk_deadline deadline,
                  struct xk_error *err);

/* The same of any bytes: who reads text takes what stands after a NUL for not
 * there, as guests do. */
int xk_store_read_bytes(struct xk_store *store, uint32_t tx, const char *path,
                        size_t max, struct xk_buf *value,
                        struct xk_deadline deadline, struct xk_error *err);

/* xk_store_read() of many nodes, in fewer turns. values[i].data stays NULL
 * where there is no such node, and is ended by a NUL else; all are empty
 * before, and the caller's to free in any case. */
#define XK_STORE_BURST 64
int xk_store_read_all(struct xk_store *store, uint32_t tx,
                      const char *const *paths, size_t count, size_t max,
                      struct xk_buf *values, struct xk_deadline deadline,
                      struct xk_error *err);

/* A decimal number from 0 to max, digits only. */
int xk_store_read_u64(struct xk_store *store, uint32_t tx, const char *path,
                      uint64_t max, uint64_t *value,
                      struct xk_deadline deadline, struct xk_error *err);

/* The children's names, in the store's order; *names is empty before. */
int xk_store_list(struct xk_store *store, uint32_t tx, const char *path,
                  struct xk_store_names *names, struct xk_deadline deadline,
                  struct xk_error *err);

/* Parents that are missing are made. */
int xk_store_write(struct xk_store *store, uint32_t tx, const char *path,
                   const char *value, struct xk_deadline deadline,
                   struct xk_error *err);
int xk_store_write_bytes(struct xk_store *store, uint32_t tx, const char *path,
                         const void *data, size_t length,
                         struct xk_deadline deadline, struct xk_error *err);
int xk_store_make(struct xk_store *store, uint32_t tx, const char *path,
                  struct xk_deadline deadline, struct xk_error *err);

/* With all below it. Not there is no error. */
int xk_store_remove(struct xk_store *store, uint32_t tx, const char *path,
                    struct xk_deadline deadline, struct xk_error *err);

int xk_store_set_perms(struct xk_store *store, uint32_t tx, const char *path,
                       const struct xk_store_perm *perms, size_t count,
                       struct xk_deadline deadline, struct xk_error *err);

/* Carry out changes in their order, in few turns. The first that the store
 * refuses is the failure; what stands behind it may be carried out or not, so
 * tx is a transaction, to be given up then. */
int xk_store_apply(struct xk_store *store, uint32_t tx,
                   const struct xk_store_change *changes, size_t count,
                   struct xk_deadline deadline, struct xk_error *err);

/* What of it can be known to be wrong without the store. */
int xk_store_check_change(const struct xk_store_change *change,
                          struct xk_error *err);

/* Let a domain use the store: the frame of its ring, and the event channel that
 * it was given for it. */
int xk_store_introduce(struct xk_store *store, unsigned domid, uint64_t gfn,
                       uint32_t port, struct xk_deadline deadline,
                       struct xk_error *err);

/* The failure that an errno of the store is. Returns -1. */
int xk_store_refused(int errnum, const char *path, struct xk_error *err);

/* Run work() in a transaction and again, from the start, as long as others are
 * faster: at most XK_STORE_TRIES times, then XK_ERR_BUSY. work() returning -1
 * gives the transaction up. It must have no effect but on the store. */
#define XK_STORE_TRIES 64
int xk_store_transact(struct xk_store *store,
                      int (*work)(struct xk_store *store, uint32_t tx,
                                  void *context, struct xk_deadline deadline,
                                  struct xk_error *err),
                      void *context, struct xk_deadline deadline,
                      struct xk_error *err);

/* A watch fires once at once, then for each change at or below path. */
int xk_store_watch(struct xk_store *store, const char *path, const char *token,
                   struct xk_deadline deadline, struct xk_error *err);

/* No event of this token is given out afterwards. */
int xk_store_unwatch(struct xk_store *store, const char *path,
                     const char *token, struct xk_deadline deadline,
                     struct xk_error *err);

/* The next event, without waiting: 1, or 0 if there is none now. Equal events
 * are given once. Any other call may have taken events off the descriptor, so
 * a loop asks until 0 before it polls xk_store_fd() for POLLIN. */
int xk_store_next_event(struct xk_store *store, struct xk_store_event *event,
                        struct xk_error *err);

/* Wait for one. */
int xk_store_wait_event(struct xk_store *store, struct xk_store_event *event,
                        struct xk_deadline deadline, struct xk_error *err);

int xk_store_fd(const struct xk_store *store);

#endif
