/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of a hostile network frontend: the first byte has the segments that
 * are offered, the rest is entries. What passes the checks must lie inside its
 * pages and be as long as its parts; every entry is read once, and never one
 * that the frontend has not made.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/netif_abi.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

struct ring {
    const uint8_t *entries; /* from the frame's first on */
    uint32_t available;
    uint32_t next; /* the one to be read next */
};

static void
read_entry(void *context, uint32_t index, uint32_t words[3])
{
    struct ring *ring = (struct ring *)context;

    must_hold(index == ring->next && index < ring->available);
    ring->next++;
    memcpy(words, ring->entries + index * (size_t)XK_NETIF_TX_BYTES,
           XK_NETIF_TX_BYTES);
}

/* A change of the multicast list has no data. */
static void
check_message(const struct xk_netif_frame *frame)
{
    must_hold(frame->list_change == XK_NETIF_EXTRA_MCAST_ADD ||
              frame->list_change == XK_NETIF_EXTRA_MCAST_DEL);
    must_hold(frame->slots == frame->extras + 1 && frame->extras > 0);
    must_hold(frame->part_count == 0 && frame->length == 0);
}

static void
check_good(const struct xk_netif_frame *frame, unsigned gso)
{
    uint32_t length = 0;

    must_hold(frame->part_count >= 1 &&
              frame->part_count <= XK_NETIF_SLOTS_MAX);
    must_hold(frame->part_count == frame->slots - frame->extras);
    for (uint32_t i = 0; i < frame->part_count; i++) {
        must_hold(frame->parts[i].offset + frame->parts[i].size <=
                  XK_NETIF_PAGE_BYTES);
        length += frame->parts[i].size;
    }
    must_hold(length == frame->length);
    must_hold(length >= XK_NETIF_FRAME_MIN && length <= UINT16_MAX);
    if (frame->gso_type != XK_NETIF_GSO_NONE)
        must_hold((gso & 1u << frame->gso_type) != 0 && frame->gso_size > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct ring ring = {0};
    struct xk_netif_frame frame;
    unsigned gso;

    if (length == 0)
        return 0;
    gso = data[0] & 6u;
    ring.entries = data + 1;
    ring.available = (uint32_t)((length - 1) / XK_NETIF_TX_BYTES);
    if (ring.available > XK_NETIF_ENTRIES)
        ring.available = XK_NETIF_ENTRIES;
    while (ring.available > 0) {
        ring.next = 0;
        if (xk_netif_parse(read_entry, &ring, ring.available, gso, &frame) !=
            NULL)
            return 0;
        must_hold(frame.slots == ring.next && frame.slots > frame.extras);
        must_hold(frame.slots - frame.extras <= XK_NETIF_SLOTS_READ);
        if (frame.status == XK_NETIF_OKAY && frame.list_change != 0)
            check_message(&frame);
        else if (frame.status == XK_NETIF_OKAY)
            check_good(&frame, gso);
        else
            must_hold(frame.part_count == 0);
        ring.entries += frame.slots * (size_t)XK_NETIF_TX_BYTES;
        ring.available -= frame.slots;
    }
    return 0;
}
