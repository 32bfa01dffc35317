/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Read and write entries of a block ring, in the layout of its guest. */
#include <string.h>

#include "backends/block/blkif_internal.h"

void
xk_blkif_ring_read(struct xk_blkif_queue *queue, uint32_t index,
                   uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX])
{
    uint32_t words[XK_BLKIF_ENTRY_BYTES_MAX / sizeof(uint32_t)] = {0};

    xk_ring_read(&queue->ring, index, words);
    memcpy(entry, words, sizeof(words));
}

void
xk_blkif_ring_answer(struct xk_blkif_queue *queue,
                     const struct xk_blkif_work *work)
{
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX];

    xk_blkif_encode_response(queue->abi, work->request.id,
                             work->request.operation, work->status, entry);
    xk_ring_answer(&queue->ring, entry, queue->layout->response_bytes);
}
