/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/blkif_abi.h"

#include <stddef.h>

#include "backends/ring/shared_ring.h"

static const struct xk_blkif_layout wide = {
    .entry_bytes = 112,
    .id = 8,
    .sector = 16,
    .segments = 24,
    .indirect_grefs = 28,
    .discard_sectors = 24,
    .response_bytes = 16,
};

static const struct xk_blkif_layout packed = {
    .entry_bytes = 108,
    .id = 4,
    .sector = 12,
    .segments = 20,
    .indirect_grefs = 24,
    .discard_sectors = 20,
    .response_bytes = 12,
};

/* On every 64-bit machine the header's native layout is the 64-bit one. */
static const struct {
    const struct xk_blkif_layout *layout;
    const char *name;
} abis[XK_BLKIF_ABI_COUNT] = {
    [XK_BLKIF_NATIVE] = {sizeof(void *) == 8 ? &wide : &packed, "native"},
    [XK_BLKIF_X86_32] = {&packed, "x86_32"},
    [XK_BLKIF_X86_64] = {&wide, "x86_64"},
};

const struct xk_blkif_layout *
xk_blkif_layout(enum xk_blkif_abi abi)
{
    return abis[abi].layout;
}

const char *
xk_blkif_abi_name(enum xk_blkif_abi abi)
{
    return abis[abi].name;
}

uint32_t
xk_blkif_ring_entries(enum xk_blkif_abi abi, unsigned pages)
{
    return xk_ring_entries((size_t)pages * XK_BLKIF_PAGE_BYTES,
                           abis[abi].layout->entry_bytes);
}
