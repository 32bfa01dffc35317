/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/pool.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"

enum {
    PAGE_BYTES = 4096
};

void
xk_pool_init(struct xk_pool *pool)
{
    memset(pool, 0, sizeof(*pool));
    pool->free_pages = XK_POOL_PAGES;
    pool->memory = (uint8_t *)xk_map_pages((size_t)XK_POOL_PAGES * PAGE_BYTES);
}

void
xk_pool_destroy(struct xk_pool *pool)
{
    xk_unmap_pages(pool->memory, (size_t)XK_POOL_PAGES * PAGE_BYTES);
    pool->memory = NULL;
}

static bool
is_used(const struct xk_pool *pool, unsigned page)
{
    return (pool->used[page / 64] >> page % 64 & 1) != 0;
}

static void
flip(struct xk_pool *pool, unsigned first, unsigned pages)
{
    for (unsigned page = first; page < first + pages; page++)
        pool->used[page / 64] ^= 1ull << page % 64;
}

void *
xk_pool_get(struct xk_pool *pool, unsigned pages)
{
    unsigned run = 0;

    if (pages > pool->free_pages)
        return NULL;
    for (unsigned page = 0; page < XK_POOL_PAGES; page++) {
        if (page % 64 == 0 && pool->used[page / 64] == UINT64_MAX) {
            page += 63;
            run = 0;
            continue;
        }
        run = is_used(pool, page) ? 0 : run + 1;
        if (run == pages) {
            unsigned first = page + 1 - pages;

            flip(pool, first, pages);
            pool->free_pages -= pages;
            return pool->memory + (size_t)first * PAGE_BYTES;
        }
    }
    return NULL;
}

void
xk_pool_put(struct xk_pool *pool, void *memory, unsigned pages)
{
    ptrdiff_t offset = (uint8_t *)memory - pool->memory;

    assert(offset >= 0 && offset % PAGE_BYTES == 0);
    flip(pool, (unsigned)(offset / PAGE_BYTES), pages);
    pool->free_pages += pages;
}

void
xk_pool_trim(struct xk_pool *pool)
{
    if (pool->free_pages == XK_POOL_PAGES)
        madvise(pool->memory, (size_t)XK_POOL_PAGES * PAGE_BYTES,
                MADV_DONTNEED);
}
