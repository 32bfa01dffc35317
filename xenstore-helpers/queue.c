/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xenstore-helpers/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Returns true if the queued event covers the new one. A NULL path covers all
 * paths of its token. */
static bool
covers(const struct xk_store_event *event, const char *path, const char *token)
{
    return strcmp(event->token, token) == 0 &&
           (event->path == NULL || strcmp(event->path, path) == 0);
}

void
xk_store_queue_add(struct xk_store_queue *queue, const char *path,
                   const char *token)
{
    struct xk_store_event *event;
    bool full;

    for (size_t i = 0; i < queue->count; i++) {
        if (covers(&queue->items[i], path, token))
            return;
    }
    full = queue->count >= XK_STORE_QUEUE_MAX;
    if (full)
        xk_store_queue_forget(queue, token);
    XK_GROW(queue->items, queue->count);
    event = &queue->items[queue->count++];
    event->path = full ? NULL : xk_strdup(path);
    event->token = xk_strdup(token);
}

int
xk_store_queue_take(struct xk_store_queue *queue, struct xk_store_event *event)
{
    if (queue->count == 0)
        return 0;
    *event = queue->items[0];
    queue->count--;
    memmove(queue->items, queue->items + 1,
            queue->count * sizeof(*queue->items));
    return 1;
}

void
xk_store_queue_forget(struct xk_store_queue *queue, const char *token)
{
    size_t kept = 0;

    for (size_t i = 0; i < queue->count; i++) {
        if (strcmp(queue->items[i].token, token) == 0)
            xk_store_event_free(&queue->items[i]);
        else
            queue->items[kept++] = queue->items[i];
    }
    queue->count = kept;
}

void
xk_store_queue_free(struct xk_store_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        xk_store_event_free(&queue->items[i]);
    free(queue->items);
    *queue = (struct xk_store_queue){0};
}
