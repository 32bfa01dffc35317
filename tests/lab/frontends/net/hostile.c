/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that no honest network frontend sends, and rings that lie: the frame
 * fails, or the card stops, says why in its error node, and can be begun anew.
 */
#include <string.h>

#include "base/util.h"
#include "tests/lab/frontends/net/net.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define MORE XK_NETIF_TX_MORE_DATA
#define EXTRA XK_NETIF_TX_EXTRA

enum {
    NO_GREF = 0x7fffff00,
};

/* ---- frames that fail alone ---- */

struct bad_frame {
    uint16_t offset, size, flags;
    uint16_t slots, rest; /* further slots, and the size of each */
    bool no_grant;
};

static void
bad_frame(struct loop_device *device)
{
    const struct bad_frame *bad =
        (const struct bad_frame *)loop_case_now->argument;

    for (uint16_t i = 0; i <= bad->slots; i++) {
        uint32_t gref = bad->no_grant ? NO_GREF : device->data_grefs[i];

        net_put_entry(device, 0,
                      netif_slot(i, gref, i == 0 ? bad->offset : 0,
                                 i == 0 ? bad->size : bad->rest,
                                 i < bad->slots ? MORE : 0));
    }
    net_push(device, 0);
    for (uint16_t i = 0; i <= bad->slots; i++)
        net_must_answer(device, 0, i, XK_NETIF_ERROR);
}

/* Whichever of its slots cannot be copied, the whole frame fails. */
static void
bad_slot_of_a_frame(struct loop_device *device)
{
    const uint16_t slots = XK_NETIF_SLOTS_MAX;

    for (uint16_t bad = 0; bad < slots; bad++) {
        for (uint16_t i = 0; i < slots; i++)
            net_put_entry(
                device, 0,
                netif_slot(i, i == bad ? NO_GREF : device->data_grefs[i], 0,
                           i == 0 ? 1800 : 100, i + 1 < slots ? MORE : 0));
        net_push(device, 0);
        for (uint16_t i = 0; i < slots; i++)
            net_must_answer(device, 0, i, XK_NETIF_ERROR);
    }
}

static void
too_many_addresses(struct loop_device *device)
{
    uint8_t address[6] = {1, 0, 0x5e, 0, 0, 0};

    for (unsigned i = 0; i < 1000; i++) {
        address[4] = (uint8_t)(i >> 8);
        address[5] = (uint8_t)(i & 0xff);
        net_change_list(device, XK_NETIF_EXTRA_MCAST_ADD, address,
                        i < 64 ? XK_NETIF_OKAY : XK_NETIF_ERROR);
    }
}

static void
address_with_a_frame(struct loop_device *device)
{
    const uint8_t address[6] = {1, 0, 0x5e, 0, 0, 0};

    net_put(device, 0, 1, 0, 0, 160, EXTRA | MORE);
    net_put_entry(device, 0,
                  netif_multicast(XK_NETIF_EXTRA_MCAST_ADD, 0, address));
    net_put(device, 0, 2, 1, 0, 60, 0);
    net_push(device, 0);
    net_must_answer(device, 0, 1, XK_NETIF_ERROR);
    net_must_answer(device, 0, 0, XK_NETIF_NULL);
    net_must_answer(device, 0, 2, XK_NETIF_ERROR);
}

#define FRAME(name, ...)                                                       \
    {                                                                          \
        name, "frame failed", bad_frame, NULL, true, &(const struct bad_frame) \
        {                                                                      \
            __VA_ARGS__                                                        \
        }                                                                      \
    }

/* ---- rings that lie ---- */

/* A first slot, and what follows it, as often as it says. */
struct lie {
    const char *word; /* in the error */
    uint16_t offset, size, flags;
    unsigned extras;
    uint8_t type, more, segment_type;
    uint16_t segment_bytes;
    unsigned slots;
    uint16_t next_offset, next_size, next_flags;
};

static void
put_lie(struct loop_device *device, const struct lie *lie)
{
    net_put(device, 0, 7, 0, lie->offset, lie->size, lie->flags);
    for (unsigned i = 0; i < lie->extras; i++)
        net_put_entry(device, 0,
                      netif_extra(lie->type, lie->more, lie->segment_bytes,
                                  lie->segment_type));
    for (unsigned i = 0; i < lie->slots; i++)
        net_put(device, 0, 8, 1, lie->next_offset, lie->next_size,
                lie->next_flags);
    net_push(device, 0);
}

static void
ring_lies(struct loop_device *device)
{
    const struct lie *lie = (const struct lie *)loop_case_now->argument;

    loop_connect(device);
    loop_must_serve(device);
    put_lie(device, lie);
    loop_must_have_stopped(device, lie->word);
    net_must_recover(device);
}

#define LIE(name, ...)                                                         \
    {                                                                          \
        name, "card stopped", ring_lies, NULL, false, &(const struct lie)      \
        {                                                                      \
            __VA_ARGS__                                                        \
        }                                                                      \
    }

static void
too_many_requests(struct loop_device *device)
{
    uint32_t ahead = *(const uint32_t *)loop_case_now->argument;

    loop_connect(device);
    loop_must_serve(device);
    device->rings[net_tx(0)].front.header->req_prod += ahead;
    loop_kick(device, net_tx(0));
    loop_must_have_stopped(device, "claims");
    net_must_recover(device);
}

#define AHEAD(name, number)                                                    \
    {                                                                          \
        name, "card stopped", too_many_requests, NULL, false,                  \
            &(const uint32_t)                                                  \
        {                                                                      \
            number                                                             \
        }                                                                      \
    }

const struct loop_case net_hostile_cases[] = {
    FRAME("a frame of 0 bytes", .size = 0),
    FRAME("a frame of 1 byte", .size = 1),
    FRAME("a frame of 13 bytes", .size = 13),
    FRAME("a frame that nobody grants", .size = 60, .no_grant = true),
    FRAME("a frame of 19 slots", .size = 1000, .slots = 18, .rest = 10),
    FRAME("a frame of 20 slots", .size = 1000, .slots = 19, .rest = 10),
    FRAME("a frame of 21 slots", .size = 1000, .slots = 20, .rest = 10),
    FRAME("a frame of 20 empty slots", .size = 1000, .slots = 19, .rest = 0),
    FRAME("slots of more than the frame", .size = 60, .slots = 3, .rest = 60),
    FRAME("a slot of one byte too many", .size = 60, .slots = 1, .rest = 61),
    FRAME("13 bytes in 13 slots", .size = 13, .slots = 12, .rest = 1),
    {"each slot of a frame in turn", "frames failed", bad_slot_of_a_frame, NULL,
     true},
    {"1000 multicast addresses", "64 kept", too_many_addresses, NULL, true},
    {"a multicast address with a frame", "frame failed", address_with_a_frame,
     NULL, true},
    LIE("a slot beyond its page", "page", .offset = 4083, .size = 14),
    LIE("an offset of 65535", "page", .offset = 65535, .size = 60),
    LIE("a size of 65535 in one slot", "page", .size = 65535),
    LIE("a second slot beyond its page", "page", .size = 200, .flags = MORE,
        .slots = 1, .next_offset = 4000, .next_size = 97),
    LIE("what the others leave is beyond the page", "page", .offset = 4000,
        .size = 200, .flags = MORE, .slots = 1, .next_size = 100),
    LIE("extra information of type 0", "unknown type", .size = 60,
        .flags = EXTRA, .extras = 1),
    LIE("extra information of type 5", "unknown type", .size = 60,
        .flags = EXTRA, .extras = 1, .type = 5),
    LIE("extra information of type 255", "unknown type", .size = 60,
        .flags = EXTRA, .extras = 1, .type = 255),
    LIE("extra information that is missing", "missing", .size = 60,
        .flags = EXTRA),
    LIE("extra information without end", "without end", .size = 60,
        .flags = EXTRA, .extras = 200, .type = XK_NETIF_EXTRA_HASH,
        .more = XK_NETIF_EXTRA_MORE),
    LIE("segments of type 0", "unknown type", .size = 60, .flags = EXTRA,
        .extras = 1, .type = XK_NETIF_EXTRA_GSO, .segment_bytes = 1448),
    LIE("segments of type 3", "unknown type", .size = 60, .flags = EXTRA,
        .extras = 1, .type = XK_NETIF_EXTRA_GSO, .segment_bytes = 1448,
        .segment_type = 3),
    LIE("segments of 0 bytes", "no size", .size = 60, .flags = EXTRA,
        .extras = 1, .type = XK_NETIF_EXTRA_GSO,
        .segment_type = XK_NETIF_GSO_TCP4),
    LIE("a frame whose last slot is missing", "ends before", .size = 60,
        .flags = MORE),
    LIE("a frame of 22 slots", "without end", .size = 1000, .flags = MORE,
        .slots = 21, .next_size = 10, .next_flags = MORE),
    LIE("a frame of 200 slots", "without end", .size = 4096, .flags = MORE,
        .slots = 199, .next_size = 10, .next_flags = MORE),
    AHEAD("257 requests in a ring of 256", 257),
    AHEAD("a million requests", 1000000),
    AHEAD("half of all requests that there can be", 0x80000000),
    AHEAD("requests taken back", 0xffffffff),
};
const size_t net_hostile_count = XK_ARRAY_SIZE(net_hostile_cases);
