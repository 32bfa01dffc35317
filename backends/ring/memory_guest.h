/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest in plain memory, for tests: a frontend in the same process fills the
 * pages, and eventfds replace event channels. Grant reference N is page N.
 * Several guests may share one memory, as the queues of one device do.
 */
#ifndef XK_BACKENDS_RING_MEMORY_GUEST_H
#define XK_BACKENDS_RING_MEMORY_GUEST_H

#include <stdint.h>

#include "backends/ring/guest.h"

enum xk_memory_access {
    XK_MEMORY_READ_WRITE,
    XK_MEMORY_READ_ONLY, /* copies to the page and maps of it fail */
    XK_MEMORY_NONE,
};

struct xk_memory {
    int fd; /* memfd */
    uint8_t *pages;
    uint32_t count;
    _Atomic uint8_t *access; /* enum xk_memory_access, one per page */
    _Atomic int maps;        /* pages not yet unmapped */
    _Atomic unsigned copy_calls;
    _Atomic unsigned copy_steps; /* copies within a page of private memory, as
                                    Linux's gntdev divides them */
    _Atomic unsigned copies_to_fail; /* calls of xk_guest_copy() to fail */
    _Atomic unsigned notified[XK_GUEST_PORTS_MAX]; /* events sent, by port */
};

struct xk_memory *xk_memory_new(uint32_t pages);
void xk_memory_free(struct xk_memory *memory);
uint8_t *xk_memory_page(struct xk_memory *memory, uint32_t gref);

/* to_backend and to_guest are eventfds, owned by the caller, and stand for all
 * ports. Binding port 0 fails. */
struct xk_guest *xk_memory_guest_new(struct xk_memory *memory, int to_backend,
                                     int to_guest);

#endif
