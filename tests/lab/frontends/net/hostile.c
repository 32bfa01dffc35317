/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames, rings and nodes that no honest network frontend makes: the frame
 * fails, or the card stops, says why in its error node, and can be begun anew.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "tests/lab/frontends/net/net.h"
#include "xenstore-helpers/xenbus.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define MORE XK_NETIF_TX_MORE_DATA
#define EXTRA XK_NETIF_TX_EXTRA

static void
must_recover(struct loop_device *device)
{
    loop_begin_again(device);
    loop_connect(device);
    loop_must_serve(device);
}

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
        uint32_t gref = bad->no_grant ? 0x7fffff00 : device->data_grefs[i];

        net_put_entry(device, 0,
                      netif_slot(i, gref, i == 0 ? bad->offset : 0,
                                 i == 0 ? bad->size : bad->rest,
                                 i < bad->slots ? MORE : 0));
    }
    net_push(device, 0);
    for (uint16_t i = 0; i <= bad->slots; i++)
        net_must_answer(device, 0, i, XK_NETIF_ERROR);
}

#define FRAME(name, ...)                                                       \
    {                                                                          \
        name, "frame failed", bad_frame, NULL, true, &(const struct bad_frame) \
        {                                                                      \
            __VA_ARGS__                                                        \
        }                                                                      \
    }

/* ---- rings that lie ---- */

static struct netif_entry
slot(struct loop_device *device, uint16_t offset, uint16_t size, uint16_t flags)
{
    return netif_slot(7, device->data_grefs[0], offset, size, flags);
}

static void
lie(struct loop_device *device, const char *word, struct netif_entry first,
    const struct netif_entry *second)
{
    loop_connect(device);
    loop_must_serve(device);
    net_put_entry(device, 0, first);
    if (second != NULL)
        net_put_entry(device, 0, *second);
    net_push(device, 0);
    loop_must_have_stopped(device, word);
    must_recover(device);
}

static void
beyond_the_page(struct loop_device *device)
{
    lie(device, "page", slot(device, 4083, 14, 0), NULL);
}

static void
unknown_extra(struct loop_device *device)
{
    const struct netif_entry extra = netif_extra(5, 0, 0, 0);

    lie(device, "unknown type", slot(device, 0, 60, EXTRA), &extra);
}

static void
unknown_segments(struct loop_device *device)
{
    const struct netif_entry extra =
        netif_extra(XK_NETIF_EXTRA_GSO, 0, 1448, 3);

    lie(device, "unknown type", slot(device, 0, 60, EXTRA), &extra);
}

static void
segments_of_no_size(struct loop_device *device)
{
    const struct netif_entry extra =
        netif_extra(XK_NETIF_EXTRA_GSO, 0, 0, XK_NETIF_GSO_TCP4);

    lie(device, "no size", slot(device, 0, 60, EXTRA), &extra);
}

static void
chain_is_cut(struct loop_device *device)
{
    lie(device, "ends before", slot(device, 0, 60, MORE), NULL);
}

static void
chain_without_end(struct loop_device *device)
{
    loop_connect(device);
    for (uint16_t i = 0; i < XK_NETIF_ENTRIES; i++)
        net_put(device, 0, i, 0, 0, i == 0 ? 4096 : 10, MORE);
    net_push(device, 0);
    loop_must_have_stopped(device, "without end");
    must_recover(device);
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
    must_recover(device);
}

static void
too_many_to_receive(struct loop_device *device)
{
    loop_connect(device);
    device->rings[net_rx(0)].front.header->req_prod = 257;
    loop_kick(device, net_tx(0));
    loop_must_have_stopped(device, "claims");
    must_recover(device);
}

#define AHEAD(name, number)                                                    \
    {                                                                          \
        name, "card stopped", too_many_requests, NULL, false,                  \
            &(const uint32_t)                                                  \
        {                                                                      \
            number                                                             \
        }                                                                      \
    }

/* ---- nodes ---- */

struct node {
    const char *name;
    const char *value; /* NULL: removed */
    const char *word;  /* in the error */
};

static void
bad_node(struct loop_device *device)
{
    const struct node *node = (const struct node *)loop_case_now->argument;

    net_make_rings(device);
    net_write_rings(device);
    if (node->value == NULL)
        loop_remove(device, node->name);
    else
        loop_write(device, node->name, "%s", node->value);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_must_have_stopped(device, node->word);
    must_recover(device);
}

#define NODE(name, ...)                                                        \
    {                                                                          \
        name, "card stopped", bad_node, NULL, false, &(const struct node)      \
        {                                                                      \
            __VA_ARGS__                                                        \
        }                                                                      \
    }

static void
read_only_ring(struct loop_device *device)
{
    net_make_rings(device);
    net_write_rings(device);
    loop_write(device, "rx-ring-ref", "%u", device->read_only_gref);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_must_have_stopped(device, "map");
    must_recover(device);
}

static void
events_without_end(struct loop_device *device)
{
    loop_connect(device);
    for (unsigned i = 0; i < 5000; i++)
        loop_kick(device, net_tx(0));
    loop_must_serve(device);
}

static void
toggle_states(struct loop_device *device)
{
    static const int states[] = {4, 6, 1, 4, 5, 1, 3, 4, 6, 5, 1, 2};

    loop_connect(device);
    for (unsigned i = 0; i < 60; i++) {
        loop_set_state(device, states[i % XK_ARRAY_SIZE(states)]);
        if (i % 7 == 0)
            poll(NULL, 0, 30);
    }
    MUST(loop_is_alive(device), "it died");
    must_recover(device);
}

#define ALONE(name, verdict, run)                                              \
    {                                                                          \
        name, verdict, run, NULL, false                                        \
    }

const struct loop_case net_hostile_cases[] = {
    FRAME("a frame of 0 bytes", .size = 0),
    FRAME("a frame of 13 bytes", .size = 13),
    FRAME("a frame that nobody grants", .size = 60, .no_grant = true),
    FRAME("a frame of 19 slots", .size = 1000, .slots = 18, .rest = 10),
    FRAME("a frame of 21 slots", .size = 1000, .slots = 20, .rest = 10),
    FRAME("slots of more than the frame", .size = 60, .slots = 3, .rest = 60),
    ALONE("a slot beyond its page", "card stopped", beyond_the_page),
    ALONE("extra information of type 5", "card stopped", unknown_extra),
    ALONE("segments of type 3", "card stopped", unknown_segments),
    ALONE("segments of 0 bytes", "card stopped", segments_of_no_size),
    ALONE("a frame whose last slot is missing", "card stopped", chain_is_cut),
    ALONE("a frame of 256 slots", "card stopped", chain_without_end),
    AHEAD("257 requests in a ring of 256", 257),
    AHEAD("a million requests", 1000000),
    AHEAD("requests taken back", 0xffffffff),
    ALONE("257 requests to receive", "card stopped", too_many_to_receive),
    NODE("tx-ring-ref is no grant", "tx-ring-ref", "2000000000", "map"),
    NODE("rx-ring-ref 8x", "rx-ring-ref", "8x", "rx-ring-ref"),
    NODE("five queues of four", "multi-queue-num-queues", "5", "num-queues"),
    NODE("no event-channel", "event-channel", NULL, "event-channel"),
    NODE("pages to be exchanged", "request-rx-copy", "0", "request-rx-copy"),
    ALONE("a ring granted for reading only", "card stopped", read_only_ring),
    ALONE("5000 events for nothing", "served", events_without_end),
    ALONE("states in any order", "served afterwards", toggle_states),
};
const size_t net_hostile_count = XK_ARRAY_SIZE(net_hostile_cases);
