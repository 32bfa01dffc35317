/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: the bytes of requests as a frontend writes them. */
#ifndef XK_TESTS_UNIT_BACKENDS_BLOCK_BLKIF_BYTES_H
#define XK_TESTS_UNIT_BACKENDS_BLOCK_BLKIF_BYTES_H

#include "backends/block/blkif_abi.h"

struct blkif_bytes {
    uint8_t bytes[XK_BLKIF_ENTRY_BYTES_MAX];
};

/* A request READ, WRITE, FLUSH or of any number, with segments of whole pages;
 * segment i has gref i + 100. */
struct blkif_bytes blkif_direct(enum xk_blkif_abi abi, uint8_t operation,
                                uint64_t id, uint64_t sector, uint8_t segments);
void blkif_set_segment(enum xk_blkif_abi abi, struct blkif_bytes *entry,
                       unsigned number, uint32_t gref, uint8_t first,
                       uint8_t last);
struct blkif_bytes blkif_indirect(enum xk_blkif_abi abi, uint8_t operation,
                                  uint64_t id, uint64_t sector,
                                  uint16_t segments, uint32_t first_gref);
struct blkif_bytes blkif_discard(enum xk_blkif_abi abi, uint64_t id,
                                 uint64_t sector, uint64_t sectors);

/* Set one descriptor of an indirect page. */
void blkif_put_descriptor(uint8_t *at, uint32_t gref, uint8_t first,
                          uint8_t last);

#endif
