/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read nodes that a frontend of any kind wrote into the store. The guest
 * controls all of them, so each value is checked here.
 */
#ifndef XK_BACKENDS_LIFE_FRONTEND_H
#define XK_BACKENDS_LIFE_FRONTEND_H

#include <stdint.h>

#include "base/deadline.h"
#include "base/error.h"
#include "xenstore-helpers/store.h"
#include "xenstore-helpers/xenbus.h"

/* Read the frontend's state. A number that is not a state, which the caller
 * refuses, is XK_XENBUS_COUNT. A missing node, or one that does not hold a
 * number, is XK_XENBUS_UNKNOWN. -1 if the store cannot be asked. */
int xk_front_state(struct xk_store *store, const char *path, int *state,
                   struct xk_deadline deadline, struct xk_error *err);

/* A directory of the frontend, and the store to read it from. */
struct xk_front_reader {
    struct xk_store *store;
    const char *path;
    struct xk_deadline deadline;
};

/* Returns 1 and the number, or 0 if there is no such node. XK_ERR_PROTOCOL if
 * the node does not hold a number in the range. */
int xk_front_number(const struct xk_front_reader *reader, const char *name,
                    uint64_t min, uint64_t max, uint32_t *value,
                    struct xk_error *err);

/* Returns 0 and the number. A missing node is XK_ERR_PROTOCOL too. */
int xk_front_need_number(const struct xk_front_reader *reader, const char *name,
                         uint64_t min, uint64_t max, uint32_t *value,
                         struct xk_error *err);

/* As the two above, of an event channel port. */
int xk_front_port(const struct xk_front_reader *reader, const char *name,
                  uint32_t *port, struct xk_error *err);
int xk_front_need_port(const struct xk_front_reader *reader, const char *name,
                       uint32_t *port, struct xk_error *err);

/* Call read() for each queue of a frontend, at most `max`, with the queue's own
 * directory; a single queue is in the frontend's directory. *count is set
 * before the first call. */
int xk_front_read_queues(const struct xk_front_reader *reader, unsigned max,
                         unsigned *count,
                         int (*read)(const struct xk_front_reader *queue,
                                     unsigned number, void *context,
                                     struct xk_error *err),
                         void *context, struct xk_error *err);

#endif
