/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of requests and responses in memory that a guest can write at any
 * time, from the backend's side. Each index is read once for one decision, and
 * each request once into private memory.
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

/* The head of a ring's first page. Each field is written by one side only and
 * counts from 0 to 2^32 and round again. */
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
    uint32_t rsp_shown; /* rsp_prod in the ring: what we last wrote there */
};

/* How many entries fit into pages of that many bytes: a power of two. */
uint32_t xk_ring_entries(size_t bytes, size_t entry_bytes);

/* Start with what a ring says that it has answered. A ring that begins has
 * there what the frontend wrote; a ring that is taken over, what the last
 * backend answered. */
void xk_ring_begin(struct xk_shared_ring *ring, void *pages, size_t bytes,
                   size_t entry_bytes);

/* How many requests the guest has made. */
uint32_t xk_ring_produced(const struct xk_shared_ring *ring);
/* How many responses the guest has been shown. */
uint32_t xk_ring_answered(const struct xk_shared_ring *ring);
/* There cannot be as many requests as the guest claims. */
bool xk_ring_is_overrun(const struct xk_shared_ring *ring, uint32_t produced);

/* Copy one entry, of entry_bytes. */
void xk_ring_read(const struct xk_shared_ring *ring, uint32_t index,
                  uint32_t *words);
/* Write the response that comes next; the guest does not see it yet. */
void xk_ring_answer(struct xk_shared_ring *ring, const void *response,
                    size_t bytes);
/* Show all responses. True if the guest wants to be notified. */
bool xk_ring_show(struct xk_shared_ring *ring);
/* Ask for an event at the next request; true if there is one already. */
bool xk_ring_ask(struct xk_shared_ring *ring);

#endif
