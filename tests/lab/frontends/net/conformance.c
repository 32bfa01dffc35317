/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an honest network frontend may do. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/lab/frontends/net/net.h"
#include "xenstore-helpers/xenbus.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static void
offers_what_it_does(struct loop_device *device)
{
    static const struct {
        const char *name, *value;
    } nodes[] = {
        {"feature-rx-copy", "1"},
        {"feature-rx-flip", "0"},
        {"feature-sg", "1"},
        {"feature-gso-tcpv4", "1"},
        {"feature-gso-tcpv6", "1"},
        {"feature-ipv6-csum-offload", "1"},
        {"multi-queue-max-queues", "4"},
        {"hotplug-status", "connected"},
        {"feature-split-event-channels", "1"},
        {"feature-multicast-control", "1"},
        {"feature-dynamic-multicast-control", ""},
        {"carrier", "1"},
        {"feature-ctrl-ring", ""},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(nodes); i++)
        MUST(strcmp(loop_back_read(device, nodes[i].name), nodes[i].value) == 0,
             "%s is \"%s\"", nodes[i].name,
             loop_back_read(device, nodes[i].name));
    loop_connect(device);
    loop_must_serve(device);
}

static void
frames_of_all_sizes(struct loop_device *device)
{
    static const uint16_t sizes[] = {14, 60, 1514, 4096};
    int64_t bytes = 0;

    loop_connect(device);
    for (uint16_t i = 0; i < XK_ARRAY_SIZE(sizes); i++) {
        net_put(device, 0, i, i, 0, sizes[i], 0);
        net_push(device, 0);
        net_must_answer(device, 0, i, XK_NETIF_OKAY);
        bytes += sizes[i];
    }
    MUST(net_count(device, "tx_packets") == XK_ARRAY_SIZE(sizes) &&
             net_count(device, "tx_bytes") == bytes,
         "counted otherwise");
}

static void
frame_of_18_slots_and_segments(struct loop_device *device)
{
    loop_connect(device);
    net_put(device, 0, 100, 0, 0, 65535,
            XK_NETIF_TX_MORE_DATA | XK_NETIF_TX_EXTRA |
                XK_NETIF_TX_CHECKSUM_MISSING);
    net_put_entry(device, 0,
                  netif_extra(XK_NETIF_EXTRA_GSO, 0, 1448, XK_NETIF_GSO_TCP4));
    for (uint16_t i = 1; i < XK_NETIF_SLOTS_MAX; i++)
        net_put(device, 0, (uint16_t)(100 + i), i, 0, 3641,
                i + 1 < XK_NETIF_SLOTS_MAX ? XK_NETIF_TX_MORE_DATA : 0);
    net_push(device, 0);
    net_must_answer(device, 0, 100, XK_NETIF_OKAY);
    net_must_answer(device, 0, 0, XK_NETIF_NULL);
    for (uint16_t i = 1; i < XK_NETIF_SLOTS_MAX; i++)
        net_must_answer(device, 0, (uint16_t)(100 + i), XK_NETIF_OKAY);
    MUST(net_count(device, "tx_bytes") == 65535, "counted otherwise");
}

static void
full_rings(struct loop_device *device)
{
    loop_connect(device);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned queue = 0; queue < device->ring_count / 2; queue++) {
            for (uint16_t i = 0; i < XK_NETIF_ENTRIES; i++)
                net_put(device, queue, i, i, 0, 1000, 0);
            net_push(device, queue);
        }
        for (unsigned queue = 0; queue < device->ring_count / 2; queue++) {
            for (uint16_t i = 0; i < XK_NETIF_ENTRIES; i++)
                net_must_answer(device, queue, i, XK_NETIF_OKAY);
        }
    }
}

static void
one_after_the_other(struct loop_device *device)
{
    loop_connect(device);
    for (unsigned i = 0; i < 1000; i++)
        loop_must_serve(device);
}

static void
receive_ring_is_filled(struct loop_device *device)
{
    const uint8_t entry[XK_NETIF_RX_BYTES] = {0};
    struct front_ring *rx;

    loop_connect(device);
    rx = &device->rings[net_rx(0)].front;
    for (unsigned i = 0; i < XK_NETIF_ENTRIES; i++)
        front_ring_put(rx, entry);
    if (front_ring_push(rx))
        loop_kick(device, net_tx(0));
    loop_must_serve(device);
    MUST(net_count(device, "rx_requests") == XK_NETIF_ENTRIES,
         "not all requests are kept");
}

static void
two_cards(struct loop_device *device)
{
    struct loop_device *other = loop_open(NULL);

    loop_connect(device);
    loop_connect(other);
    loop_must_serve(device);
    loop_must_serve(other);
    loop_close(device);
    loop_must_serve(other);
    loop_close(other);
}

static void
begins_anew(struct loop_device *device)
{
    for (unsigned i = 0; i < 5; i++) {
        loop_connect(device);
        loop_must_serve(device);
        loop_begin_again(device);
    }
    loop_connect(device);
    loop_must_serve(device);
}

static void
put_many(struct loop_device *device, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++)
        net_put(device, 0, i, i, 0, 1514, 0);
    net_push(device, 0);
}

static void
frames_above_the_rate(struct loop_device *device)
{
    const uint16_t count = 200;

    loop_connect(device);
    for (unsigned round = 0; round < 3; round++) {
        put_many(device, count);
        for (uint16_t i = 0; i < count; i++)
            net_must_answer(device, 0, i, XK_NETIF_OKAY);
    }
    MUST(net_count(device, "tx_delays") > 0, "none had to wait");
    MUST(net_count(device, "tx_dropped") == 0, "some were dropped");
}

/* Frames that wait for a rate that hardly ever comes hold nothing up. */
static void
ends_above_the_rate(struct loop_device *device)
{
    loop_connect(device);
    put_many(device, 200);
    net_await_count(device, "tx_delays", 1);
    loop_kill(device);
    loop_start_again(device);
    net_await_count(device, "tx_delays", 1);
    loop_begin_again(device);
    loop_connect(device);
    put_many(device, 1);
}

/* The frame is all zeros but for its source. */
static void
spoofed_frames(struct loop_device *device)
{
    const uint8_t mac[6] = {0, 0x16, 0x3e, 0, 0, (uint8_t)device->devid};

    memcpy(device->data + 6, mac, sizeof(mac));
    loop_connect(device);
    loop_must_serve(device);
    device->data[11] ^= 1;
    net_put(device, 0, 1, 0, 0, 60, 0);
    net_push(device, 0);
    net_must_answer(device, 0, 1, XK_NETIF_DROPPED);
    MUST(net_count(device, "tx_spoofed") == 1, "counted otherwise");
    device->data[11] ^= 1;
}

static const struct net_options filter = {.more = ",\"spoof_filter\":true"};
static const struct net_options rate = {.more = ",\"rate\":\"20000,50000\""};
static const struct net_options slow = {.more =
                                            ",\"rate\":\"1000,4000000000\""};
static const struct net_options q4 = {.queues = 4};
static const struct net_options split_q4 = {.queues = 4, .is_split = true};

#define CASE(name, run, options)                                               \
    {                                                                          \
        name, "served", run, options                                           \
    }

const struct loop_case net_conformance_cases[] = {
    CASE("it offers what it does", offers_what_it_does, NULL),
    CASE("frames of all sizes", frames_of_all_sizes, NULL),
    CASE("a frame of 18 slots and segments", frame_of_18_slots_and_segments,
         NULL),
    CASE("full rings", full_rings, NULL),
    CASE("full rings of four queues", full_rings, &q4),
    CASE("full rings of four queues with two ports each", full_rings,
         &split_q4),
    CASE("1000 frames, one after the other", one_after_the_other, NULL),
    {"a frame from another card's address", "dropped", spoofed_frames, &filter},
    CASE("frames above the rate", frames_above_the_rate, &rate),
    CASE("a card that ends above its rate", ends_above_the_rate, &slow),
    CASE("the ring of frames to receive is filled", receive_ring_is_filled,
         NULL),
    {"two cards of one domain", "each served", two_cards, NULL, .ends = true},
    CASE("a frontend that begins anew", begins_anew, &q4),
};
const size_t net_conformance_count = XK_ARRAY_SIZE(net_conformance_cases);
