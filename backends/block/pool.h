/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fixed number of private pages for the data of requests in flight: if a
 * guest needs more, its requests wait. Low pages are used first and unused
 * pages are never touched, so a quiet device needs little memory.
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

/* Aborts if there is no address space. */
void xk_pool_init(struct xk_pool *pool);
void xk_pool_destroy(struct xk_pool *pool);

/* Returns that many contiguous pages, at most XK_POOL_PAGES, or NULL if they
 * are not free at the moment. */
void *xk_pool_get(struct xk_pool *pool, unsigned pages);
void xk_pool_put(struct xk_pool *pool, void *memory, unsigned pages);

/* Give the memory back to the host if no page is in use. No page may be pinned:
 * the pinned page would then differ from the mapped one. */
void xk_pool_trim(struct xk_pool *pool);

#endif
