/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a frontend wrote into the store, whatever its kind. All of it is the
 * guest's and checked here.
 */
#ifndef XK_BACKENDS_LIFE_FRONTEND_H
#define XK_BACKENDS_LIFE_FRONTEND_H

#include <stdint.h>

#include "base/deadline.h"
#include "base/error.h"
#include "xenstore-helpers/store.h"
#include "xenstore-helpers/xenbus.h"

/* XK_XENBUS_COUNT for a number that is not a state: it is to be refused. A node
 * that is not there, or holds no number, is XK_XENBUS_UNKNOWN. -1 where the
 * store cannot be asked. */
int xk_front_state(struct xk_store *store, const char *path, int *state,
                   struct xk_deadline deadline, struct xk_error *err);

/* A directory of the frontend, and whom to ask for it. */
struct xk_front_reader {
    struct xk_store *store;
    const char *path;
    struct xk_deadline deadline;
};

/* 1 and the number; 0 where there is no such node. XK_ERR_PROTOCOL for anything
 * that is not a number in the range. */
int xk_front_number(const struct xk_front_reader *reader, const char *name,
                    uint64_t min, uint64_t max, uint32_t *value,
                    struct xk_error *err);

/* 0 and the number. XK_ERR_PROTOCOL too where there is no such node. */
int xk_front_need_number(const struct xk_front_reader *reader, const char *name,
                         uint64_t min, uint64_t max, uint32_t *value,
                         struct xk_error *err);

/* XK_ERR_PROTOCOL too where there is no such node. */
int xk_front_need_port(const struct xk_front_reader *reader, const char *name,
                       uint32_t *port, struct xk_error *err);

/* Read the queues of a frontend, which are at most `max`: by read(), each from
 * its own directory. The only queue of a frontend is in that of the frontend.
 * *count is set before the first is read. */
int xk_front_read_queues(const struct xk_front_reader *reader, unsigned max,
                         unsigned *count,
                         int (*read)(const struct xk_front_reader *queue,
                                     unsigned number, void *context,
                                     struct xk_error *err),
                         void *context, struct xk_error *err);

#endif
