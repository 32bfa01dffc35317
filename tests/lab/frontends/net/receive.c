/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an honest network frontend may receive. */
#include <string.h>

#include "base/util.h"
#include "tests/lab/frontends/net/net.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    PAGE = XK_NETIF_PAGE_BYTES,
    MORE = XK_NETIF_RX_MORE_DATA,
    EXTRA = XK_NETIF_RX_EXTRA,
    OPEN = XK_NETIF_RX_CHECKSUM_MISSING | XK_NETIF_RX_CHECKSUM_GOOD,
    FLOWS = 64,
    ROUNDS = 1000,
};

static struct net_frame frame;

static uint16_t
pages_of(uint32_t length)
{
    return (uint16_t)((length + PAGE - 1) / PAGE);
}

static void
frames_of_all_sizes(struct loop_device *device)
{
    static const uint32_t sizes[] = {14, 60, 1514, PAGE, PAGE + 1, 9014, 65535};
    uint16_t page = 0;

    loop_connect(device);
    net_offer(device, 0, 0, 40);
    for (size_t i = 0; i < XK_ARRAY_SIZE(sizes); i++) {
        net_make_frame(device, &frame, sizes[i], (uint8_t)i);
        net_deliver(device, &frame);
        net_must_receive_whole(device, 0, page, &frame);
        page = (uint16_t)(page + pages_of(sizes[i]));
    }
    MUST(net_count(device, "rx_packets") == XK_ARRAY_SIZE(sizes),
         "counted otherwise");
}

/* The extra information has the place of the second page, which stays empty. */
static void
segments(struct loop_device *device)
{
    static const uint8_t types[] = {XK_NETIF_GSO_TCP4, XK_NETIF_GSO_TCP6};
    const uint32_t length = 64014;
    uint16_t page = 0;

    loop_connect(device);
    net_offer(device, 0, 0, 40);
    for (size_t i = 0; i < XK_ARRAY_SIZE(types); i++) {
        const uint8_t wanted[] = {XK_NETIF_EXTRA_GSO, 0, 1400 & 0xff, 1400 >> 8,
                                  types[i],           0, 0,           0};
        struct net_received extra;

        net_make_tcp(device, &frame, length, types[i], 1400);
        net_deliver(device, &frame);
        net_must_receive(device, 0, page, OPEN | EXTRA | MORE, &frame, 0);
        extra = net_receive(device, 0);
        MUST(memcmp(extra.bytes, wanted, sizeof(wanted)) == 0,
             "other extra information");
        page = (uint16_t)(page + 2);
        for (uint32_t at = PAGE; at < length; at += PAGE)
            net_must_receive(device, 0, page++, at + PAGE < length ? MORE : 0,
                             &frame, at);
    }
}

static void
open_checksum(struct loop_device *device)
{
    loop_connect(device);
    net_offer(device, 0, 0, 1);
    net_make_tcp(device, &frame, 1000, XK_NETIF_GSO_NONE, 0);
    net_deliver(device, &frame);
    net_must_receive(device, 0, 0, OPEN, &frame, 0);
}

/* The kernel divides the packet and computes the checksums. */
static void
plain_frontend(struct loop_device *device)
{
    loop_connect(device);
    net_offer(device, 0, 0, 3);
    net_make_tcp(device, &frame, 54 + 3000, XK_NETIF_GSO_TCP4, 1000);
    net_deliver(device, &frame);
    for (uint16_t i = 0; i < 3; i++) {
        struct net_received received = net_receive(device, 0);

        MUST(received.id == i && received.status == 1054,
             "page %u has %d bytes", received.id, received.status);
        MUST((received.flags & (OPEN | EXTRA | MORE)) == 0, "flags %x",
             received.flags);
        MUST(memcmp(device->data + i * PAGE + 54, frame.bytes + 54 + i * 1000u,
                    1000) == 0,
             "segment %u has other bytes", i);
    }
}

static void
waits_for_pages(struct loop_device *device)
{
    loop_connect(device);
    net_offer(device, 0, 0, 2);
    net_make_frame(device, &frame, 9000, 3);
    net_deliver(device, &frame);
    net_must_be_quiet(device, 0);
    loop_must_serve(device);
    net_offer(device, 0, 2, 1);
    net_must_receive_whole(device, 0, 0, &frame);
}

static void
one_after_the_other(struct loop_device *device)
{
    loop_connect(device);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint16_t page = (uint16_t)(i % 200 + 1);

        net_offer(device, 0, page, 1);
        net_make_frame(device, &frame, 60 + i, (uint8_t)i);
        net_deliver(device, &frame);
        net_must_receive(device, 0, page, 0, &frame, 0);
        if (i % 10 == 0)
            loop_must_serve(device);
    }
}

/* The kernel chooses a queue for each flow. */
static void
four_queues(struct loop_device *device)
{
    loop_connect(device);
    for (unsigned queue = 0; queue < device->ring_count / 2; queue++)
        net_offer(device, queue, (uint16_t)(FLOWS * queue), FLOWS);
    for (unsigned i = 0; i < FLOWS; i++) {
        net_make_tcp(device, &frame, 200, XK_NETIF_GSO_NONE, 0);
        frame.bytes[35] = (uint8_t)i;
        net_deliver(device, &frame);
    }
    net_await_count(device, "rx_packets", FLOWS);
}

static const uint8_t groups[2][6] = {{1, 0, 0x5e, 0, 0, 1},
                                     {1, 0, 0x5e, 0, 0, 2}};

static void
deliver_to(struct loop_device *device, const uint8_t address[6])
{
    net_make_frame(device, &frame, 100, 4);
    memcpy(frame.bytes, address, 6);
    net_deliver(device, &frame);
}

static void
multicast(struct loop_device *device)
{
    const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};

    loop_connect(device);
    net_offer(device, 0, 0, 10);
    net_change_list(device, XK_NETIF_EXTRA_MCAST_ADD, groups[0], XK_NETIF_OKAY);
    deliver_to(device, groups[1]);
    deliver_to(device, groups[0]);
    net_must_receive(device, 0, 0, 0, &frame, 0);
    deliver_to(device, broadcast);
    net_must_receive(device, 0, 1, 0, &frame, 0);
    net_change_list(device, XK_NETIF_EXTRA_MCAST_DEL, groups[0], XK_NETIF_OKAY);
    deliver_to(device, groups[0]);
    net_must_be_quiet(device, 0);
    MUST(net_count(device, "rx_filtered") == 2, "counted otherwise");
}

/* The list went with the process that was killed: nothing is withheld. */
static void
multicast_after_a_kill(struct loop_device *device)
{
    loop_connect(device);
    net_offer(device, 0, 0, 10);
    loop_kill(device);
    net_cut_wire(device);
    loop_start_again(device);
    deliver_to(device, groups[1]);
    net_must_receive(device, 0, 0, 0, &frame, 0);
}

static void
stalls(struct loop_device *device)
{
    loop_connect(device);
    net_make_frame(device, &frame, 1514, 3);
    for (unsigned i = 0; i < FLOWS; i++)
        net_deliver(device, &frame);
    net_await_count(device, "rx_dropped", FLOWS);
    MUST(net_count(device, "rx_stalls") == 1, "counted otherwise");
    net_offer(device, 0, 0, 2);
    net_must_be_quiet(device, 0);
    net_make_frame(device, &frame, 1514, 4);
    net_deliver(device, &frame);
    net_must_receive(device, 0, 0, 0, &frame, 0);
}

static const struct net_options mute = {
    .on_bridge = true, .max = 1, .is_mute = true};
static const struct net_options filtered = {
    .on_bridge = true, .max = 1, .is_filtered = true};
static const struct net_options bridge = {.on_bridge = true, .max = 1};
static const struct net_options plain = {
    .on_bridge = true, .max = 1, .is_plain = true};
static const struct net_options split = {
    .on_bridge = true, .max = 1, .is_split = true};
static const struct net_options bridge_q4 = {.on_bridge = true, .queues = 4};

#define CASE(name, run, options)                                               \
    {                                                                          \
        name, "received", run, options                                         \
    }

const struct loop_case net_receive_cases[] = {
    CASE("frames of all sizes to receive", frames_of_all_sizes, &bridge),
    CASE("segments to receive", segments, &bridge),
    CASE("a checksum that the guest is to compute", open_checksum, &bridge),
    CASE("a frontend that takes only plain frames", plain_frontend, &plain),
    CASE("a frame of more pages than are offered", waits_for_pages, &bridge),
    CASE("no pages, and a frontend that does not tell of them", stalls, &mute),
    CASE("1000 frames to receive, one after the other", one_after_the_other,
         &bridge),
    CASE("1000 frames to receive by a port of their own", one_after_the_other,
         &split),
    CASE("multicast of the list and no other", multicast, &filtered),
    CASE("multicast after a kill", multicast_after_a_kill, &filtered),
    CASE("four queues to receive", four_queues, &bridge_q4),
};
const size_t net_receive_count = XK_ARRAY_SIZE(net_receive_cases);
