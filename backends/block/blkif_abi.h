/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layout of blkif in shared memory: the place of each field of a request
 * and a response, for each of the three layouts. Nothing here reads guest
 * memory; ring/shared_ring.h does, once, into private memory.
 *
 * Source: xen/include/public/io/blkif.h and ring.h. The 32-bit layout is the
 * one that a compiler for i386 makes of them, which aligns 64-bit fields to 4
 * bytes.
 */
#ifndef XK_BACKENDS_BLOCK_BLKIF_ABI_H
#define XK_BACKENDS_BLOCK_BLKIF_ABI_H

#include <stdint.h>

/* The values of the frontend's "protocol" node, from
 * xen/include/public/io/protocols.h. A missing node means the backend's own
 * layout, as in QEMU and the header. */
enum xk_blkif_abi {
    XK_BLKIF_NATIVE,
    XK_BLKIF_X86_32, /* "x86_32-abi" */
    XK_BLKIF_X86_64, /* "x86_64-abi" */
    XK_BLKIF_ABI_COUNT,
};

enum {
    XK_BLKIF_OP_READ = 0,
    XK_BLKIF_OP_WRITE = 1,
    XK_BLKIF_OP_BARRIER = 2,
    XK_BLKIF_OP_FLUSH = 3,
    XK_BLKIF_OP_DISCARD = 5,
    XK_BLKIF_OP_INDIRECT = 6,
};

enum {
    XK_BLKIF_OK = 0,
    XK_BLKIF_ERROR = -1,
    XK_BLKIF_NOT_SUPPORTED = -2,
};

enum {
    XK_BLKIF_PAGE_BYTES = 4096,
    XK_BLKIF_SECTOR_BYTES = 512, /* independent of the node "sector-size" */
    XK_BLKIF_PAGE_SECTORS = XK_BLKIF_PAGE_BYTES / XK_BLKIF_SECTOR_BYTES,
    XK_BLKIF_DIRECT_SEGMENTS = 11,
    XK_BLKIF_SEGMENT_BYTES = 8, /* gref, first, last, padding: all layouts */
    XK_BLKIF_INDIRECT_PAGES = 8,
    XK_BLKIF_INDIRECT_PER_PAGE = XK_BLKIF_PAGE_BYTES / XK_BLKIF_SEGMENT_BYTES,
    XK_BLKIF_MAX_SEGMENTS = 256, /* that we advertise; 1 MiB per request */
    XK_BLKIF_MAX_REQUEST_BYTES = XK_BLKIF_MAX_SEGMENTS * XK_BLKIF_PAGE_BYTES,
    XK_BLKIF_ENTRY_BYTES_MAX = 112,
    XK_BLKIF_RING_ORDER_MAX = 4,
    XK_BLKIF_RING_PAGES_MAX = 1 << XK_BLKIF_RING_ORDER_MAX,
    XK_BLKIF_RING_ENTRIES_MAX = 512, /* of 16 pages, any layout */
};

/* Offsets in bytes from an entry's start. */
struct xk_blkif_layout {
    uint8_t entry_bytes;
    uint8_t id;
    uint8_t sector;
    uint8_t segments;        /* of a request with direct segments */
    uint8_t indirect_grefs;  /* of XK_BLKIF_OP_INDIRECT */
    uint8_t discard_sectors; /* of XK_BLKIF_OP_DISCARD */
    uint8_t response_bytes;
};

/* The same in all layouts. */
enum {
    XK_BLKIF_AT_OPERATION = 0,
    XK_BLKIF_AT_SEGMENT_COUNT = 1,      /* uint8_t */
    XK_BLKIF_AT_INDIRECT_OPERATION = 1, /* uint8_t */
    XK_BLKIF_AT_INDIRECT_COUNT = 2,     /* uint16_t */
    XK_BLKIF_AT_RESPONSE_ID = 0,        /* uint64_t */
    XK_BLKIF_AT_RESPONSE_OPERATION = 8, /* uint8_t */
    XK_BLKIF_AT_RESPONSE_STATUS = 10,   /* int16_t */
};

const struct xk_blkif_layout *xk_blkif_layout(enum xk_blkif_abi abi);

/* Returns how many entries a ring of that many pages has: a power of two. */
uint32_t xk_blkif_ring_entries(enum xk_blkif_abi abi, unsigned pages);

const char *xk_blkif_abi_name(enum xk_blkif_abi abi);

#endif
