/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decode a guest's bytes and check that the request may be carried out. These
 * functions read private memory only and change nothing but *request.
 *
 * How to use it: decode the private copy of a ring entry; if it is indirect,
 * copy each descriptor page into private memory once and decode the copy; then
 * check the request. A request that passes needs no further check except of
 * its grant references, which only Xen can check.
 */
#ifndef XK_BACKENDS_BLOCK_BLKIF_REQUEST_H
#define XK_BACKENDS_BLOCK_BLKIF_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/block/blkif_abi.h"

struct xk_blkif_segment {
    uint32_t gref;
    uint8_t first; /* first and last sector of the page, inclusive */
    uint8_t last;
};

struct xk_blkif_request {
    uint64_t id;
    uint64_t sector; /* of 512 bytes */
    uint64_t sectors;
    uint8_t operation; /* that the response repeats: never INDIRECT for a
                          well-formed request */
    bool indirect;
    uint16_t segment_count; /* the guest's value; decode() bounds it */
    uint32_t indirect_grefs[XK_BLKIF_INDIRECT_PAGES];
    struct xk_blkif_segment segments[XK_BLKIF_MAX_SEGMENTS];
};

/* The limits that the device sets to requests. */
struct xk_blkif_limits {
    uint64_t sectors;         /* capacity */
    uint32_t logical_sectors; /* alignment advertised to the guest; 1 or 8 */
    bool read_only;
    bool discard;
};

/* Decode a request and check all that can be checked without the device and
 * without descriptor pages. entry: private, entry_bytes of the layout. Returns
 * XK_BLKIF_OK, or the status to answer with. Always sets id and operation. */
int xk_blkif_decode(enum xk_blkif_abi abi, const void *entry,
                    struct xk_blkif_request *request);

/* Returns the number of descriptor pages; 0 unless the request is indirect. */
unsigned xk_blkif_indirect_pages(const struct xk_blkif_request *request);

/* Decode descriptor page `number`. page: private, the whole page. */
void xk_blkif_decode_indirect(struct xk_blkif_request *request, unsigned number,
                              const void *page);

/* Check the rest, once all segments are decoded. Sets ->sectors except for
 * DISCARD. Returns XK_BLKIF_OK, or the status to answer with. */
int xk_blkif_check(struct xk_blkif_request *request,
                   const struct xk_blkif_limits *limits);

/* Only for a request that passed xk_blkif_check(). */
static inline bool
xk_blkif_has_data(const struct xk_blkif_request *request)
{
    return request->segment_count > 0;
}

/* Encode a response into entry and zero its padding: stale bytes would leak our
 * memory to the guest (XSA-216). */
void xk_blkif_encode_response(enum xk_blkif_abi abi, uint64_t id,
                              uint8_t operation, int16_t status,
                              uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX]);

#endif
