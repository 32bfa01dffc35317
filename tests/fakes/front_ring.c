/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/front_ring.h"

#include <string.h>

void
front_ring_init(struct front_ring *ring, void *pages, size_t bytes,
                size_t entry_bytes, uint32_t first)
{
    memset(pages, 0xa5, bytes);
    ring->header = (volatile struct xk_ring_header *)pages;
    ring->entries = xk_ring_entries(bytes, entry_bytes);
    ring->entry_bytes = (uint32_t)entry_bytes;
    ring->header->req_prod = ring->header->rsp_prod = first;
    ring->header->req_event = ring->header->rsp_event = first + 1;
    ring->req_prod = ring->rsp_cons = first;
}

uint8_t *
front_ring_entry(const struct front_ring *ring, uint32_t index)
{
    return (uint8_t *)(uintptr_t)ring->header + XK_RING_HEADER_BYTES +
           (size_t)(index % ring->entries) * ring->entry_bytes;
}

void
front_ring_put(struct front_ring *ring, const void *entry)
{
    memcpy(front_ring_entry(ring, ring->req_prod++), entry, ring->entry_bytes);
}

bool
front_ring_push(struct front_ring *ring)
{
    uint32_t old = ring->header->req_prod;
    uint32_t event;

    __atomic_store_n(&ring->header->req_prod, ring->req_prod, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    event = __atomic_load_n(&ring->header->req_event, __ATOMIC_ACQUIRE);
    return ring->req_prod - event < ring->req_prod - old;
}

static bool
is_answered(const struct front_ring *ring)
{
    return __atomic_load_n(&ring->header->rsp_prod, __ATOMIC_ACQUIRE) !=
           ring->rsp_cons;
}

bool
front_ring_has_response(struct front_ring *ring)
{
    if (is_answered(ring))
        return true;
    ring->header->rsp_event = ring->rsp_cons + 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return is_answered(ring);
}

const uint8_t *
front_ring_next(struct front_ring *ring)
{
    return front_ring_entry(ring, ring->rsp_cons++);
}
