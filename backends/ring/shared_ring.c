/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/ring/shared_ring.h"

#include <string.h>

static uint32_t
load(volatile const uint32_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static volatile uint8_t *
entry_at(const struct xk_shared_ring *ring, uint32_t index)
{
    return (volatile uint8_t *)ring->header + XK_RING_HEADER_BYTES +
           (size_t)(index & (ring->entries - 1)) * ring->entry_bytes;
}

uint32_t
xk_ring_entries(size_t bytes, size_t entry_bytes)
{
    size_t room = (bytes - XK_RING_HEADER_BYTES) / entry_bytes;
    uint32_t entries = 1;

    while (entries * 2 <= room)
        entries *= 2;
    return entries;
}

void
xk_ring_begin(struct xk_shared_ring *ring, void *pages, size_t bytes,
              size_t entry_bytes)
{
    ring->header = (volatile struct xk_ring_header *)pages;
    ring->entries = xk_ring_entries(bytes, entry_bytes);
    ring->entry_bytes = (uint32_t)entry_bytes;
    ring->rsp_prod = xk_ring_answered(ring);
    ring->req_cons = ring->rsp_published = ring->rsp_prod;
}

uint32_t
xk_ring_produced(const struct xk_shared_ring *ring)
{
    return load(&ring->header->req_prod);
}

uint32_t
xk_ring_answered(const struct xk_shared_ring *ring)
{
    return load(&ring->header->rsp_prod);
}

bool
xk_ring_is_overrun(const struct xk_shared_ring *ring, uint32_t produced)
{
    return produced - ring->rsp_prod > ring->entries;
}

/* Copy by words through a volatile pointer, so that the compiler neither reads
 * a word twice nor reads the ring again later (XSA-155). */
void
xk_ring_read(const struct xk_shared_ring *ring, uint32_t index, uint32_t *words)
{
    const volatile uint32_t *from =
        (const volatile uint32_t *)entry_at(ring, index);

    for (unsigned i = 0; i < ring->entry_bytes / sizeof(uint32_t); i++)
        words[i] = from[i];
}

void
xk_ring_answer(struct xk_shared_ring *ring, const void *response, size_t bytes)
{
    memcpy((void *)(uintptr_t)entry_at(ring, ring->rsp_prod), response, bytes);
    ring->rsp_prod++;
}

bool
xk_ring_publish(struct xk_shared_ring *ring)
{
    uint32_t published = ring->rsp_published;
    uint32_t event;

    __atomic_store_n(&ring->header->rsp_prod, ring->rsp_prod, __ATOMIC_RELEASE);
    ring->rsp_published = ring->rsp_prod;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    event = load(&ring->header->rsp_event);
    return ring->rsp_prod - event < ring->rsp_prod - published;
}

bool
xk_ring_ask(struct xk_shared_ring *ring)
{
    return xk_ring_ask_for(ring, 1);
}

bool
xk_ring_ask_for(struct xk_shared_ring *ring, uint32_t count)
{
    if (load(&ring->header->req_prod) - ring->req_cons >= count)
        return true;
    __atomic_store_n(&ring->header->req_event, ring->req_cons + count,
                     __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return load(&ring->header->req_prod) - ring->req_cons >= count;
}
