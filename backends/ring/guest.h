/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How one queue reaches the memory and the doorbell of its guest: over Xen's
 * grant tables and event channels (xen_guest.c) or in plain memory, for tests
 * (memory_guest.c). The only door to guest memory.
 *
 * One thread at a time. A page that is mapped, or was granted for a copy, may
 * be written by the guest at any moment: read each byte of it once.
 */
#ifndef XK_BACKENDS_RING_GUEST_H
#define XK_BACKENDS_RING_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    XK_GUEST_PAGE_BYTES = 4096,
    XK_GUEST_COPY_OK = 0,
};

/* Bytes between private memory and one page of the guest. */
struct xk_guest_copy {
    void *local;
    uint32_t gref;
    uint16_t offset; /* in the page; offset + length <= 4096 */
    uint16_t length; /* bytes, not 0 */
    bool to_guest;
    int16_t status; /* out: XK_GUEST_COPY_OK or what Xen said (GNTST_*) */
};

struct xk_guest;

struct xk_guest_ops {
    void *(*map)(struct xk_guest *guest, const uint32_t *grefs, unsigned count,
                 struct xk_error *err);
    void (*unmap)(struct xk_guest *guest, void *address, unsigned count);
    int (*copy)(struct xk_guest *guest, struct xk_guest_copy *copies,
                unsigned count);
    int (*bind)(struct xk_guest *guest, uint32_t port, struct xk_error *err);
    void (*unbind)(struct xk_guest *guest);
    void (*notify)(struct xk_guest *guest);
    void (*close)(struct xk_guest *guest);
};

struct xk_guest {
    const struct xk_guest_ops *ops;
    /* Reading event_bytes from event_fd takes a ring of the doorbell, if it is
     * bound; the fd does not block. The next ring is given only after ack_bytes
     * bytes of ack were written to it. */
    int event_fd;
    unsigned event_bytes; /* at most 8 */
    unsigned ack_bytes;   /* 0: nothing to write */
    uint32_t ack;
};

/* Maps pages for reading and writing, in this order and one after the other.
 * All or none. Let go of with xk_guest_unmap() and the same count. */
static inline void *
xk_guest_map(struct xk_guest *guest, const uint32_t *grefs, unsigned count,
             struct xk_error *err)
{
    return guest->ops->map(guest, grefs, count, err);
}

static inline void
xk_guest_unmap(struct xk_guest *guest, void *address, unsigned count)
{
    guest->ops->unmap(guest, address, count);
}

/* Carries out all copies and sets the status of each. -1: none can be relied
 * on (local memory that is not there, a host out of memory). */
static inline int
xk_guest_copy(struct xk_guest *guest, struct xk_guest_copy *copies,
              unsigned count)
{
    return guest->ops->copy(guest, copies, count);
}

/* Bind to the port that the guest offers. Only one at a time. */
static inline int
xk_guest_bind(struct xk_guest *guest, uint32_t port, struct xk_error *err)
{
    return guest->ops->bind(guest, port, err);
}

static inline void
xk_guest_unbind(struct xk_guest *guest)
{
    guest->ops->unbind(guest);
}

static inline void
xk_guest_notify(struct xk_guest *guest)
{
    guest->ops->notify(guest);
}

static inline void
xk_guest_close(struct xk_guest *guest)
{
    if (guest != NULL)
        guest->ops->close(guest);
}

#endif
