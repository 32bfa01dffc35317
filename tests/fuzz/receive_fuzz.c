/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The receive ring of a hostile network frontend, and frames that come for it:
 * bytes 0 to 3 are the index that it claims to have produced, byte 4 says how
 * many of its entries follow, and the rest is frames, 5 bytes each (length,
 * flags, size of segments). The ring is page 1, and an entry may name it.
 *
 * As many pages are answered as were taken, never more than are offered, and
 * each frame is answered whole.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/netif_receive.h"
#include "backends/ring/memory_guest.h"
#include "base/util.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum {
    PAGES = 32,
    RING = 1,
    READ_ONLY = 2,
    HEAD_BYTES = 5,
    FRAME_BYTES = 5,
    ROUNDS = 3,
    SEGMENTS = 3, /* flags of a frame: their type */
    MISSING = 4,
    FILTER = 8, /* of the first: multicast is filtered */
};

/* ---- the network ---- */

struct network {
    struct xk_port port; /* first */
    const uint8_t *frames;
    size_t left; /* bytes of descriptions */
    unsigned delivered;
};

static bool
receive_frame(struct xk_port *port, unsigned queue, struct xk_frame *frame)
{
    struct network *network = XK_CONTAINER_OF(port, struct network, port);
    const uint8_t *at = network->frames;
    uint32_t length;

    (void)queue;
    if (network->left < FRAME_BYTES)
        return false;
    length = at[0] | (uint32_t)at[1] << 8;
    frame->length = length < XK_NETIF_FRAME_MIN ? XK_NETIF_FRAME_MIN : length;
    frame->segment_type = (at[2] & SEGMENTS) % 3;
    frame->checksum_missing = (at[2] & MISSING) != 0;
    frame->segment_bytes = (uint16_t)(at[3] | at[4] << 8);
    memset(frame->bytes, at[2], frame->length);
    network->frames += FRAME_BYTES;
    network->left -= FRAME_BYTES;
    network->delivered++;
    return true;
}

static const struct xk_port_ops ops = {.receive = receive_frame};

/* ---- the card ---- */

static struct network network = {.port = {.ops = &ops}};
static struct xk_memory *memory;
static struct xk_netif_receiver receiver;
static struct xk_netif_multicast multicast;

static void
make_card(void)
{
    memory = xk_memory_new(PAGES);
    memory->access[READ_ONLY] = XK_MEMORY_READ_ONLY;
    receiver.guest = xk_memory_guest_new(memory, -1, -1);
    receiver.port = &network.port;
    receiver.multicast = &multicast;
    receiver.patience_ms = 60000;
    xk_netif_receiver_init(&receiver);
}

static void
begin(const uint8_t *data, size_t entries)
{
    uint8_t *page = xk_memory_page(memory, RING);

    memset(page, 0, XK_NETIF_PAGE_BYTES);
    memcpy(page, data, sizeof(uint32_t));
    memcpy(page + XK_RING_HEADER_BYTES, data + HEAD_BYTES,
           entries * XK_NETIF_RX_BYTES);
    xk_ring_begin(&receiver.ring, page, XK_NETIF_PAGE_BYTES, XK_NETIF_RX_BYTES);
    xk_netif_receiver_reset(&receiver);
    memset(&receiver.stats, 0, sizeof(receiver.stats));
    network.delivered = 0;
}

/* ---- what must hold ---- */

/* The responses from `first` on are whole frames. */
static void
check_responses(uint32_t first, uint32_t count)
{
    const uint8_t *entries =
        xk_memory_page(memory, RING) + XK_RING_HEADER_BYTES;
    bool is_inside = false, has_extra = false;

    for (uint32_t i = first; i != first + count; i++) {
        const uint8_t *entry =
            entries + (i % XK_NETIF_ENTRIES) * XK_NETIF_RX_BYTES;
        uint16_t offset, flags;
        int16_t status;

        if (has_extra) {
            must_hold(entry[0] == XK_NETIF_EXTRA_GSO && entry[1] == 0);
            has_extra = false;
            continue;
        }
        memcpy(&offset, entry + 2, 2);
        memcpy(&flags, entry + 4, 2);
        memcpy(&status, entry + 6, 2);
        must_hold(offset == 0 && status <= XK_NETIF_PAGE_BYTES);
        must_hold(status > 0 || status == XK_NETIF_ERROR);
        has_extra = (flags & XK_NETIF_RX_EXTRA) != 0;
        must_hold(!has_extra || !is_inside);
        is_inside = (flags & XK_NETIF_RX_MORE_DATA) != 0;
    }
    must_hold(!is_inside && !has_extra);
}

static void
run_round(uint32_t produced)
{
    uint32_t before = receiver.ring.rsp_prod;
    bool owes_event = false;
    unsigned used = xk_netif_receiver_run(&receiver, produced, &owes_event);
    const struct xk_netif_receive_stats *stats = &receiver.stats;

    must_hold(receiver.ring.rsp_prod == before + used);
    must_hold(receiver.ring.req_cons == receiver.ring.rsp_prod);
    must_hold(produced - receiver.ring.rsp_prod <= XK_NETIF_ENTRIES);
    must_hold(used == 0 ||
              xk_ring_answered(&receiver.ring) == receiver.ring.rsp_prod);
    must_hold(stats->packets + stats->dropped + stats->filtered +
                  (receiver.waiting.bytes != NULL) ==
              network.delivered);
    check_responses(before, used);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    size_t entries;
    uint32_t produced;

    if (memory == NULL)
        make_card();
    if (length < HEAD_BYTES)
        return 0;
    entries = data[4];
    if (entries * XK_NETIF_RX_BYTES > length - HEAD_BYTES)
        return 0;
    begin(data, entries);
    network.frames = data + HEAD_BYTES + entries * XK_NETIF_RX_BYTES;
    network.left = length - HEAD_BYTES - entries * XK_NETIF_RX_BYTES;
    xk_netif_multicast_begin(&multicast, network.left >= FRAME_BYTES &&
                                             (network.frames[2] & FILTER) != 0);
    produced = xk_ring_produced(&receiver.ring);
    if (xk_ring_is_overrun(&receiver.ring, produced))
        return 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        run_round(produced);
    return 0;
}
