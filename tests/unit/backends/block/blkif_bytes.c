/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/backends/block/blkif_bytes.h"

#include <string.h>

void
blkif_put_descriptor(uint8_t *at, uint32_t gref, uint8_t first, uint8_t last)
{
    memcpy(at, &gref, sizeof(gref));
    at[4] = first;
    at[5] = last;
    at[6] = at[7] = 0x5a;
}

void
blkif_set_segment(enum xk_blkif_abi abi, struct blkif_bytes *entry,
                  unsigned number, uint32_t gref, uint8_t first, uint8_t last)
{
    blkif_put_descriptor(entry->bytes + xk_blkif_layout(abi)->segments +
                             number * XK_BLKIF_SEGMENT_BYTES,
                         gref, first, last);
}

static struct blkif_bytes
common(enum xk_blkif_abi abi, uint8_t operation, uint64_t id, uint64_t sector)
{
    const struct xk_blkif_layout *layout = xk_blkif_layout(abi);
    struct blkif_bytes entry;

    memset(&entry, 0x5a, sizeof(entry)); /* nothing may rely on padding */
    entry.bytes[XK_BLKIF_AT_OPERATION] = operation;
    memcpy(entry.bytes + layout->id, &id, sizeof(id));
    memcpy(entry.bytes + layout->sector, &sector, sizeof(sector));
    return entry;
}

struct blkif_bytes
blkif_direct(enum xk_blkif_abi abi, uint8_t operation, uint64_t id,
             uint64_t sector, uint8_t segments)
{
    struct blkif_bytes entry = common(abi, operation, id, sector);

    entry.bytes[XK_BLKIF_AT_SEGMENT_COUNT] = segments;
    for (unsigned i = 0; i < segments && i < XK_BLKIF_DIRECT_SEGMENTS; i++)
        blkif_set_segment(abi, &entry, i, i + 100, 0, 7);
    return entry;
}

struct blkif_bytes
blkif_indirect(enum xk_blkif_abi abi, uint8_t operation, uint64_t id,
               uint64_t sector, uint16_t segments, uint32_t first_gref)
{
    struct blkif_bytes entry = common(abi, XK_BLKIF_OP_INDIRECT, id, sector);

    entry.bytes[XK_BLKIF_AT_INDIRECT_OPERATION] = operation;
    memcpy(entry.bytes + XK_BLKIF_AT_INDIRECT_COUNT, &segments,
           sizeof(segments));
    for (uint32_t i = 0; i < XK_BLKIF_INDIRECT_PAGES; i++) {
        uint32_t gref = first_gref + i;

        memcpy(entry.bytes + xk_blkif_layout(abi)->indirect_grefs +
                   i * sizeof(gref),
               &gref, sizeof(gref));
    }
    return entry;
}

struct blkif_bytes
blkif_discard(enum xk_blkif_abi abi, uint64_t id, uint64_t sector,
              uint64_t sectors)
{
    struct blkif_bytes entry = common(abi, XK_BLKIF_OP_DISCARD, id, sector);

    memcpy(entry.bytes + xk_blkif_layout(abi)->discard_sectors, &sectors,
           sizeof(sectors));
    return entry;
}
