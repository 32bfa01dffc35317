/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backend's side of a ring of requests and responses, in memory that the
 * guest may write at any time. Each decision reads an index once, and each
 * request is copied once into private memory.
 *
 * Source: xen/include/public/io/ring.h.
 */
#ifndef XK_BACKENDS_RING_SHARED_RING_H
#define XK_BACKENDS_RING_SHARED_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    XK_RING_HEADER_BYTES = 64,
};

/* The head of a ring's first page. Only one side writes each field; all fields
 * wrap around at 2^32. */
struct xk_ring_header {
    uint32_t req_prod;
    uint32_t req_event;
    uint32_t rsp_prod;
    uint32_t rsp_event;
};

struct xk_shared_ring {
    volatile struct xk_ring_header *header; /* NULL: not mapped */
    uint32_t entries;                       /* a power of two */
    uint32_t entry_bytes;                   /* a multiple of 4 */
    uint32_t req_cons, rsp_prod;
    uint32_t rsp_published; /* rsp_prod as last published in the ring */
};

/* Returns how many entries fit into pages of that many bytes: a power of
 * two. */
uint32_t xk_ring_entries(size_t bytes, size_t entry_bytes);

/* Begin to use a ring, at the rsp_prod that is published in it: the frontend's
 * value in a new ring, the last backend's in a ring that is taken over. */
void xk_ring_begin(struct xk_shared_ring *ring, void *pages, size_t bytes,
                   size_t entry_bytes);

/* Returns req_prod, as the guest has it. */
uint32_t xk_ring_produced(const struct xk_shared_ring *ring);
/* Returns the rsp_prod that is published in the ring. */
uint32_t xk_ring_answered(const struct xk_shared_ring *ring);
/* Returns true if the guest claims more requests than the ring has room for. */
bool xk_ring_is_overrun(const struct xk_shared_ring *ring, uint32_t produced);

/* Copy an entry of entry_bytes into private memory. */
void xk_ring_read(const struct xk_shared_ring *ring, uint32_t index,
                  uint32_t *words);
/* Write the next response, without publishing it. */
void xk_ring_answer(struct xk_shared_ring *ring, const void *response,
                    size_t bytes);
/* Publish all responses. Returns true if the guest wants to be notified. */
bool xk_ring_publish(struct xk_shared_ring *ring);
/* Ask for an event at the next request. Returns true if there is one
 * already. */
bool xk_ring_ask(struct xk_shared_ring *ring);
/* Ask for an event once `count` requests wait, at least 1 and at most all
 * entries. Returns true if they do already. */
bool xk_ring_ask_for(struct xk_shared_ring *ring, uint32_t count);

#endif
