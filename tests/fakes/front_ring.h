/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A shared ring from the frontend's side, for tests: xen/include/public/io/
 * ring.h as Linux's frontends use it. The caller delivers events.
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

/* As a frontend makes it, but with poison in its entries; indexes begin at
 * `first`. */
void front_ring_init(struct front_ring *ring, void *pages, size_t bytes,
                     size_t entry_bytes, uint32_t first);

uint8_t *front_ring_entry(const struct front_ring *ring, uint32_t index);

/* Put a request into the ring; seen by the backend with the next push. */
void front_ring_put(struct front_ring *ring, const void *entry);
/* True: the backend wants an event. */
bool front_ring_push(struct front_ring *ring);

/* False: no response is there, and the backend was asked for an event. */
bool front_ring_has_response(struct front_ring *ring);
/* The response that comes next, which is there. */
const uint8_t *front_ring_next(struct front_ring *ring);

#endif
