/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A queue of watch events that the caller has not fetched yet. Equal events are
 * kept once. If the queue is full, all events of a token are replaced by one
 * without a path. So it holds at most XK_STORE_QUEUE_MAX events and one more
 * for each watch, whatever a guest writes.
 */
#ifndef XK_XENSTORE_HELPERS_QUEUE_H
#define XK_XENSTORE_HELPERS_QUEUE_H

#include "xenstore-helpers/store.h"

#define XK_STORE_QUEUE_MAX 512

struct xk_store_queue {
    struct xk_store_event *items;
    size_t count;
};

void xk_store_queue_add(struct xk_store_queue *queue, const char *path,
                        const char *token);

/* Returns 1 and the oldest event, or 0 if there is none. */
int xk_store_queue_take(struct xk_store_queue *queue,
                        struct xk_store_event *event);

void xk_store_queue_forget(struct xk_store_queue *queue, const char *token);
void xk_store_queue_free(struct xk_store_queue *queue);

#endif
