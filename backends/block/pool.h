/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of private memory for requests under way, of a fixed number: a guest
 * that asks for more waits. Low pages are used first and what is not used is
 * never touched, so a quiet device costs little.
 */
#ifndef XK_BACKENDS_BLOCK_POOL_H
#define XK_BACKENDS_BLOCK_POOL_H

#include <stddef.h>
#include <stdint.h>

enum {
    XK_POOL_PAGES = 1024 /* 4 MiB: four of the largest requests */
};

struct xk_pool {
    uint8_t *memory;
    uint64_t used[XK_POOL_PAGES / 64];
    unsigned free_pages;
};

/* Aborts where there is no address space. */
void xk_pool_init(struct xk_pool *pool);
void xk_pool_destroy(struct xk_pool *pool);

/* So many pages in a row, or NULL for now. At most XK_POOL_PAGES. */
void *xk_pool_get(struct xk_pool *pool, unsigned pages);
void xk_pool_put(struct xk_pool *pool, void *memory, unsigned pages);

/* Give memory back to the host if none is in use. None of it may be pinned:
 * the pinned page would then be another than the one that is mapped. */
void xk_pool_trim(struct xk_pool *pool);

#endif
