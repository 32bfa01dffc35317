/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Access a ring in memory that the guest may write at any time. Each decision
 * reads an index once, and each entry is copied once into private memory.
 */
#include <string.h>

#include "backends/block/blkif_internal.h"

static uint32_t
load(volatile const uint32_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static volatile uint8_t *
entry_at(const struct xk_blkif_queue *queue, uint32_t index)
{
    return (volatile uint8_t *)queue->ring + XK_BLKIF_RING_HEADER_BYTES +
           (size_t)(index & (queue->entries - 1)) * queue->layout->entry_bytes;
}

uint32_t
xk_blkif_ring_produced(const struct xk_blkif_queue *queue)
{
    return load(&queue->ring->req_prod);
}

uint32_t
xk_blkif_ring_answered(const struct xk_blkif_queue *queue)
{
    return load(&queue->ring->rsp_prod);
}

/* Copy by words through a volatile pointer, so that the compiler neither reads
 * a word twice nor reads the ring again later (XSA-155). */
void
xk_blkif_ring_read(struct xk_blkif_queue *queue, uint32_t index,
                   uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX])
{
    const volatile uint32_t *from =
        (const volatile uint32_t *)entry_at(queue, index);
    uint32_t words[XK_BLKIF_ENTRY_BYTES_MAX / sizeof(uint32_t)] = {0};

    for (unsigned i = 0; i < queue->layout->entry_bytes / sizeof(uint32_t); i++)
        words[i] = from[i];
    memcpy(entry, words, sizeof(words));
}

void
xk_blkif_ring_write(struct xk_blkif_queue *queue,
                    const struct xk_blkif_work *work)
{
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX];

    xk_blkif_encode_response(queue->abi, work->request.id,
                             work->request.operation, work->status, entry);
    memcpy((void *)(uintptr_t)entry_at(queue, queue->rsp_prod), entry,
           queue->layout->response_bytes);
}

bool
xk_blkif_ring_publish(struct xk_blkif_queue *queue)
{
    uint32_t published = queue->rsp_published;
    uint32_t event;

    __atomic_store_n(&queue->ring->rsp_prod, queue->rsp_prod, __ATOMIC_RELEASE);
    queue->rsp_published = queue->rsp_prod;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    event = load(&queue->ring->rsp_event);
    return queue->rsp_prod - event < queue->rsp_prod - published;
}

bool
xk_blkif_ring_ask(struct xk_blkif_queue *queue)
{
    if (load(&queue->ring->req_prod) != queue->req_cons)
        return true;
    __atomic_store_n(&queue->ring->req_event, queue->req_cons + 1,
                     __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return load(&queue->ring->req_prod) != queue->req_cons;
}
