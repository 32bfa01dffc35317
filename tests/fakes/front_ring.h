/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frontend's side of a shared ring, for tests, which uses xen/include/
 * public/io/ring.h as Linux's frontends do. The caller delivers events.
 */
#ifndef XK_TESTS_FAKES_FRONT_RING_H
#define XK_TESTS_FAKES_FRONT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/ring/shared_ring.h"

struct front_ring {
    volatile struct xk_ring_header *header;
    uint32_t entries, entry_bytes;
    uint32_t req_prod, rsp_cons;
};

/* Initialise the ring as a frontend does, but with poison in its entries;
 * indexes begin at `first`. */
void front_ring_init(struct front_ring *ring, void *pages, size_t bytes,
                     size_t entry_bytes, uint32_t first);

uint8_t *front_ring_entry(const struct front_ring *ring, uint32_t index);

/* Put a request into the ring; the next push publishes it. */
void front_ring_put(struct front_ring *ring, const void *entry);
/* Publish requests. True: the backend wants an event. */
bool front_ring_push(struct front_ring *ring);

/* False: there is no response, and the backend was asked for an event. */
bool front_ring_has_response(struct front_ring *ring);
/* Take the next response, which must exist. */
const uint8_t *front_ring_next(struct front_ring *ring);

#endif
