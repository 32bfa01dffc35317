/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How one queue accesses the memory and the event channels of its guest:
 * through Xen's grant tables and event channels (xen_guest.c), or in plain
 * memory for tests (memory_guest.c). Nothing else accesses guest memory.
 *
 * Only one thread may use a guest at a time. The guest may write at any moment
 * to a page that it has granted: read each byte of it once.
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
    XK_GUEST_COPY_FAILED = -1, /* GNTST_general_error */
    XK_GUEST_PORTS_MAX = 2,
};

/* A copy between private memory and one page of the guest. It costs twice as
 * much if it crosses a page boundary of that memory. */
struct xk_guest_copy {
    void *local;
    uint32_t gref;
    uint16_t offset; /* in the page; offset + length <= 4096 */
    uint16_t length; /* bytes, not 0 */
    bool to_guest;
    int16_t status; /* out: XK_GUEST_COPY_OK or Xen's error (GNTST_*) */
};

struct xk_guest;

struct xk_guest_ops {
    void *(*map)(struct xk_guest *guest, const uint32_t *grefs, unsigned count,
                 struct xk_error *err);
    void (*unmap)(struct xk_guest *guest, void *address, unsigned count);
    /* -1: no status is valid. */
    int (*copy)(struct xk_guest *guest, struct xk_guest_copy *copies,
                unsigned count);
    int (*bind)(struct xk_guest *guest, unsigned number, uint32_t port,
                struct xk_error *err);
    void (*unbind)(struct xk_guest *guest);
    void (*notify)(struct xk_guest *guest, unsigned number);
    void (*close)(struct xk_guest *guest);
};

struct xk_guest {
    const struct xk_guest_ops *ops;
    /* If bound, a read of event_bytes from event_fd, which does not block,
     * receives the events that came, one at least. wants_ack: a port delivers
     * its next event only after what was read has been written to event_fd. */
    int event_fd;
    unsigned event_bytes; /* at most 8 */
    bool wants_ack;
};

/* Map all pages for reading and writing, contiguous and in this order, or none.
 * The caller unmaps them with xk_guest_unmap() and the same count. */
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

/* Carry out all copies and set the status of each. -1: any copy may have failed
 * (local memory is missing, the host is out of memory), and each status says
 * that it has. */
static inline int
xk_guest_copy(struct xk_guest *guest, struct xk_guest_copy *copies,
              unsigned count)
{
    int r = guest->ops->copy(guest, copies, count);

    for (unsigned i = 0; r == -1 && i < count; i++)
        copies[i].status = XK_GUEST_COPY_FAILED;
    return r;
}

/* Bind to an event channel port that the guest offers, as number 0 or up, which
 * is not bound. */
static inline int
xk_guest_bind(struct xk_guest *guest, unsigned number, uint32_t port,
              struct xk_error *err)
{
    return guest->ops->bind(guest, number, port, err);
}

/* Unbind all ports. */
static inline void
xk_guest_unbind(struct xk_guest *guest)
{
    guest->ops->unbind(guest);
}

/* Send an event to the port of that number, if it is bound. */
static inline void
xk_guest_notify(struct xk_guest *guest, unsigned number)
{
    guest->ops->notify(guest, number);
}

static inline void
xk_guest_close(struct xk_guest *guest)
{
    if (guest != NULL)
        guest->ops->close(guest);
}

#endif
