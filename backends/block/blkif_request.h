/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a guest's bytes to a request that may be carried out. These functions
 * are pure: they read private memory only and have no effect but on *request.
 *
 * How it is used: decode the private copy of a ring entry; where it is indirect
 * copy each descriptor page into private memory once and decode that; then
 * check. What passes needs no more checks but those of grant references, which
 * only Xen can make.
 */
#ifndef XK_BACKENDS_BLOCK_BLKIF_REQUEST_H
#define XK_BACKENDS_BLOCK_BLKIF_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/block/blkif_abi.h"

struct xk_blkif_segment {
    uint32_t gref;
    uint8_t first; /* sectors of the page, both inclusive */
    uint8_t last;
};

struct xk_blkif_request {
    uint64_t id;
    uint64_t sector; /* of 512 bytes */
    uint64_t sectors;
    uint8_t operation; /* what a response repeats: never INDIRECT for a
                          request that is well-formed */
    bool indirect;
    uint16_t segment_count; /* as the guest says until checked */
    uint32_t indirect_grefs[XK_BLKIF_INDIRECT_PAGES];
    struct xk_blkif_segment segments[XK_BLKIF_MAX_SEGMENTS];
};

/* What the device allows. */
struct xk_blkif_limits {
    uint64_t sectors;         /* capacity */
    uint32_t logical_sectors; /* alignment that the guest was told; 1 or 8 */
    bool read_only;
    bool discard;
};

/* entry: entry_bytes of the layout, private. Takes the request apart and
 * judges all that can be judged without the device and without descriptor
 * pages. XK_BLKIF_OK, or the status to answer with. id and operation are set
 * in each case. */
int xk_blkif_decode(enum xk_blkif_abi abi, const void *entry,
                    struct xk_blkif_request *request);

/* How many descriptor pages there are; 0 unless indirect. */
unsigned xk_blkif_indirect_pages(const struct xk_blkif_request *request);

/* page: the whole of descriptor page `number`, private. */
void xk_blkif_decode_indirect(struct xk_blkif_request *request, unsigned number,
                              const void *page);

/* The rest of the judgement, once all segments are there. Sets ->sectors for
 * all but DISCARD. XK_BLKIF_OK or the status to answer with. */
int xk_blkif_check(struct xk_blkif_request *request,
                   const struct xk_blkif_limits *limits);

/* Of a request that was found good. */
static inline bool
xk_blkif_has_data(const struct xk_blkif_request *request)
{
    return request->segment_count > 0;
}

/* Put a response of the layout into entry, padding zeroed: bytes that are not
 * ours would tell the guest what is in our memory (XSA-216). */
void xk_blkif_encode_response(enum xk_blkif_abi abi, uint64_t id,
                              uint8_t operation, int16_t status,
                              uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX]);

#endif
