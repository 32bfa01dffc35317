/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages to receive into as no honest frontend offers them, and frames to send
 * that the card's TAP is not to be troubled with. */
#include <string.h>

#include "base/util.h"
#include "tests/lab/frontends/net/net.h"
#include "xenstore-helpers/xenbus.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    PAGE = XK_NETIF_PAGE_BYTES,
    MORE = XK_NETIF_RX_MORE_DATA,
    FLOOD = 3000,        /* more than a TAP keeps */
    GROWTH_PAGES = 1024, /* that a backend may take for its buffers */
};

static struct net_frame frame;

/* ---- pages ---- */

/* However much comes, the backend keeps one frame and the TAP its queue. Once
 * there are pages, frames pass. */
static void
flood_into(struct loop_device *device, unsigned pages, uint32_t length)
{
    unsigned before;

    loop_connect(device);
    loop_must_serve(device);
    net_make_frame(device, &frame, length, 5);
    net_offer(device, 0, 0, pages);
    before = loop_usage(device).resident;
    for (unsigned i = 0; i < FLOOD; i++)
        (void)net_try_deliver(device, &frame);
    loop_must_serve(device);
    MUST(loop_usage(device).resident < before + GROWTH_PAGES,
         "it grew to %u pages", loop_usage(device).resident);
    MUST(net_count(device, "rx_packets") == 0, "a frame without pages");
    net_offer(device, 0, (uint16_t)pages, 8);
    net_must_receive_whole(device, 0, 0, &frame);
}

static void
no_page(struct loop_device *device)
{
    flood_into(device, 0, 1514);
}

static void
one_page(struct loop_device *device)
{
    flood_into(device, 1, 9000);
}

/* The page that cannot be written has an error for its length, and all others
 * have their bytes: the frontend counts on their number. */
static void
bad_page_at(struct loop_device *device, unsigned bad, uint32_t gref)
{
    for (uint16_t i = 0; i < 5; i++)
        net_offer_gref(device, 0, i, i == bad ? gref : device->data_grefs[i]);
    net_push_offers(device, 0);
    net_deliver(device, &frame);
    for (uint16_t i = 0; i < 5; i++) {
        struct net_received received = net_receive(device, 0);

        MUST(received.id == i &&
                 received.status == (i == bad ? XK_NETIF_ERROR : PAGE),
             "page %u is answered as %u with %d", i, received.id,
             received.status);
        MUST(received.flags == (i < 4 ? MORE : 0), "page %u has flags %x", i,
             received.flags);
    }
}

static void
bad_pages(struct loop_device *device, uint32_t gref)
{
    loop_connect(device);
    net_make_frame(device, &frame, 5 * PAGE, 9);
    for (unsigned bad = 0; bad < 5; bad++)
        bad_page_at(device, bad, gref);
    MUST(net_count(device, "rx_dropped") == 5, "counted otherwise");
    net_offer(device, 0, 20, 5);
    net_deliver(device, &frame);
    net_must_receive_whole(device, 0, 20, &frame);
}

static void
pages_nobody_grants(struct loop_device *device)
{
    bad_pages(device, 0x7fffff00);
}

static void
pages_for_reading_only(struct loop_device *device)
{
    bad_pages(device, device->read_only_gref);
}

static void
one_page_for_all(struct loop_device *device)
{
    loop_connect(device);
    net_make_frame(device, &frame, 5 * PAGE, 9);
    for (uint16_t i = 0; i < 5; i++)
        net_offer_gref(device, 0, i, device->data_grefs[7]);
    net_push_offers(device, 0);
    net_deliver(device, &frame);
    for (uint16_t i = 0; i < 5; i++)
        MUST(net_receive(device, 0).status == PAGE, "page %u failed", i);
    loop_must_serve(device);
}

/* The frame overwrites the ring that it comes by, with indexes that are lies.
 */
static void
into_ring(struct loop_device *device, unsigned ring)
{
    loop_connect(device);
    loop_must_serve(device);
    net_make_frame(device, &frame, PAGE, 0x55);
    net_offer_gref(device, 0, 0, device->rings[ring].grefs[0]);
    net_push_offers(device, 0);
    net_deliver(device, &frame);
    net_await_count(device, "rx_packets", 1);
    loop_kick(device, net_tx(0));
    loop_must_have_stopped(device, "claims");
    net_must_recover(device);
}

static void
into_the_receive_ring(struct loop_device *device)
{
    into_ring(device, net_rx(0));
}

static void
into_the_transmit_ring(struct loop_device *device)
{
    into_ring(device, net_tx(0));
}

static void
answers_nobody_takes(struct loop_device *device)
{
    loop_connect(device);
    net_offer(device, 0, 0, XK_NETIF_ENTRIES);
    net_make_frame(device, &frame, 1514, 5);
    for (unsigned i = 0; i < FLOOD; i++)
        (void)net_try_deliver(device, &frame);
    net_await_count(device, "rx_packets", XK_NETIF_ENTRIES);
    loop_must_serve(device);
    for (unsigned i = 0; i < XK_NETIF_ENTRIES; i++)
        net_must_receive_whole(device, 0, (uint16_t)i, &frame);
}

static void
too_many_pages(struct loop_device *device)
{
    uint32_t ahead = *(const uint32_t *)loop_case_now->argument;

    loop_connect(device);
    net_offer(device, 0, 0, 2);
    device->rings[net_rx(0)].front.header->req_prod += ahead;
    loop_kick(device, net_tx(0));
    loop_must_have_stopped(device, "claims");
    net_must_recover(device);
}

/* ---- at the same time ---- */

static void
flood_while_states_toggle(struct loop_device *device)
{
    static const int states[] = {4, 5, 6, 1, 4, 6, 1};

    loop_connect(device);
    net_offer(device, 0, 0, 100);
    net_make_frame(device, &frame, 1514, 5);
    for (unsigned i = 0; i < 140; i++) {
        loop_set_state(device, states[i / 4 % XK_ARRAY_SIZE(states)]);
        for (unsigned j = 0; j < 20; j++)
            (void)net_try_deliver(device, &frame);
    }
    MUST(loop_is_alive(device), "it died");
    net_must_recover(device);
}

static void
flood_while_events_storm(struct loop_device *device)
{
    loop_connect(device);
    net_offer(device, 0, 0, 100);
    net_make_frame(device, &frame, 1514, 5);
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned j = 0; j < 50; j++)
            loop_kick(device, net_tx(0));
        net_deliver(device, &frame);
    }
    for (uint16_t i = 0; i < 100; i++)
        net_must_receive_whole(device, 0, i, &frame);
    loop_must_serve(device);
}

/* ---- frames to send that a TAP would refuse ---- */

struct bad_headers {
    uint16_t length;
    uint8_t segment_type; /* that the frontend claims */
    uint8_t bytes[60];    /* from the EtherType on */
};

static void
bad_headers(struct loop_device *device)
{
    const struct bad_headers *bad =
        (const struct bad_headers *)loop_case_now->argument;

    loop_connect(device);
    memset(device->data, 0, PAGE);
    memcpy(device->data + 12, bad->bytes, sizeof(bad->bytes));
    net_put(device, 0, 1, 0, 0, bad->length,
            XK_NETIF_TX_CHECKSUM_MISSING |
                (bad->segment_type != 0 ? XK_NETIF_TX_EXTRA : 0));
    if (bad->segment_type != 0)
        net_put_entry(
            device, 0,
            netif_extra(XK_NETIF_EXTRA_GSO, 0, 1000, bad->segment_type));
    net_push(device, 0);
    net_must_answer(device, 0, 1, XK_NETIF_DROPPED);
    if (bad->segment_type != 0)
        net_must_answer(device, 0, 0, XK_NETIF_NULL);
    MUST(net_count(device, "tx_dropped") == 1, "counted otherwise");
    loop_must_serve(device);
}

static const struct net_options bridge = {.on_bridge = true, .max = 1};

#define ALONE(name, verdict, run)                                              \
    {                                                                          \
        name, verdict, run, &bridge                                            \
    }

#define AHEAD(name, number)                                                    \
    {                                                                          \
        name, "card stopped", too_many_pages, &bridge, false,                  \
            &(const uint32_t)                                                  \
        {                                                                      \
            number                                                             \
        }                                                                      \
    }

#define HEADERS(name, ...)                                                     \
    {                                                                          \
        name, "frame dropped", bad_headers, &bridge, false,                    \
            &(const struct bad_headers)                                        \
        {                                                                      \
            __VA_ARGS__                                                        \
        }                                                                      \
    }

#define IPV4(bytes, protocol)                                                  \
    8, 0, 0x45, 0, (bytes) >> 8, (bytes)&0xff, 0, 0, 0, 0, 64, protocol
#define IPV6(bytes, next) 0x86, 0xdd, 0x60, 0, 0, 0, 0, bytes, next, 64

const struct loop_case net_hostile_receive_cases[] = {
    ALONE("no page to receive, for ever", "served, bounded", no_page),
    ALONE("one page for frames of three", "served, bounded", one_page),
    ALONE("pages to receive that nobody grants", "frames failed",
          pages_nobody_grants),
    ALONE("pages to receive granted for reading only", "frames failed",
          pages_for_reading_only),
    ALONE("one page for all slots of a frame", "served", one_page_for_all),
    ALONE("the receive ring as a page to receive", "card stopped",
          into_the_receive_ring),
    ALONE("the transmit ring as a page to receive", "card stopped",
          into_the_transmit_ring),
    ALONE("frames that the frontend never takes", "served",
          answers_nobody_takes),
    AHEAD("258 pages in a ring of 256", 256),
    AHEAD("a million pages to receive", 1000000),
    AHEAD("pages to receive taken back", 0xfffffffd),
    AHEAD("half of all pages that there can be", 0x80000000),
    ALONE("frames while states toggle", "served afterwards",
          flood_while_states_toggle),
    ALONE("frames while events storm", "received", flood_while_events_storm),
    HEADERS("a checksum of no protocol", 100, 0, {0x88, 0xb5}),
    HEADERS("a checksum of a packet that is cut", 30, 0, {IPV4(16, 6)}),
    HEADERS("a checksum of neither TCP nor UDP", 100, 0, {IPV4(86, 50)}),
    HEADERS("a checksum beyond the header's options", 60, 0,
            {8, 0, 0x4f, 0, 0, 46, 0, 0, 0, 0, 64, 6}),
    HEADERS("a header shorter than itself", 100, 0,
            {8, 0, 0x42, 0, 0, 86, 0, 0, 0, 0, 64, 6}),
    HEADERS("three VLAN tags", 100, 0,
            {0x81, 0, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, IPV4(74, 6)}),
    HEADERS("headers of IPv6 that lead past the frame", 100, 0,
            {IPV6(46, 0), [42] = 0, 255}),
    HEADERS("segments of UDP", 1000, XK_NETIF_GSO_TCP4, {IPV4(986, 17)}),
    HEADERS("segments of IPv4 in IPv6", 1000, XK_NETIF_GSO_TCP6,
            {IPV4(986, 6)}),
};
const size_t net_hostile_receive_count =
    XK_ARRAY_SIZE(net_hostile_receive_cases);
