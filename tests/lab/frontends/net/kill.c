/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Backends that are killed, or stopped, under a card that goes on. */
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "base/util.h"
#include "tests/lab/frontends/net/net.h"
#include "xenstore-helpers/xenbus.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    KILLS = 20,
    PAGES = 200,
    CONNECTS = 1000,
    GROWTH_PAGES = 32, /* of the C library's heap */
    BUSY_NS = 50000000,
};

/* Frames are numbered; answers must come in that order. */
struct load {
    struct loop_device *device;
    uint16_t asked, answered;
    unsigned total;
};

static void
ask(struct load *load)
{
    struct front_ring *tx = &load->device->rings[net_tx(0)].front;

    while (tx->req_prod - tx->rsp_cons < tx->entries) {
        load->asked++;
        net_put(load->device, 0, load->asked, load->asked % 200u, 0, 1514, 0);
    }
    net_push(load->device, 0);
}

static void
take(struct load *load)
{
    net_must_answer(load->device, 0, ++load->answered, XK_NETIF_OKAY);
    load->total++;
}

static void
keep_busy(struct load *load, int64_t ns)
{
    int64_t end = xk_now_ns() + ns;

    do {
        ask(load);
        take(load);
    } while (xk_now_ns() < end);
}

static void
drain(struct load *load)
{
    while (load->answered != load->asked)
        take(load);
}

static void
killed_under_load(struct loop_device *device)
{
    struct load load = {.device = device};
    struct loop_kills kills = {.most = KILLS};

    loop_connect(device);
    while (loop_kills_again(&kills)) {
        keep_busy(&load, BUSY_NS);
        ask(&load);
        loop_kill(device);
        loop_start_again(device);
    }
    drain(&load);
    printf("#   %u frames, %u kills\n", load.total, kills.count);
    MUST(load.total > kills.count, "only %u frames", load.total);
    loop_must_serve(device);
}

static void
stopped_under_load(struct loop_device *device)
{
    struct load load = {.device = device};

    loop_connect(device);
    for (unsigned i = 0; i < 5; i++) {
        keep_busy(&load, BUSY_NS);
        ask(&load);
        loop_stop(device);
        loop_start_again(device);
    }
    drain(&load);
    loop_must_serve(device);
}

/* Pages that are answered in their order, whoever serves. */
struct stream {
    struct loop_device *device;
    struct net_frame frame;
    uint16_t offered, taken; /* of pages, without end */
};

static void
offer_pages(struct stream *stream)
{
    while ((uint16_t)(stream->offered - stream->taken) < PAGES) {
        net_offer(stream->device, 0, stream->offered % PAGES, 1);
        stream->offered++;
    }
}

static void
take_frame(struct stream *stream)
{
    net_must_receive(stream->device, 0, stream->taken % PAGES, 0,
                     &stream->frame, 0);
    stream->taken++;
}

static void
killed_while_it_receives(struct loop_device *device)
{
    static struct stream stream;
    struct loop_kills kills = {.most = KILLS};
    struct front_ring *rx;

    stream.device = device;
    stream.offered = stream.taken = 0;
    loop_connect(device);
    rx = &device->rings[net_rx(0)].front;
    net_make_frame(device, &stream.frame, 1514, 8);
    while (loop_kills_again(&kills)) {
        offer_pages(&stream);
        net_deliver(device, &stream.frame);
        take_frame(&stream);
        for (unsigned i = 0; i < 20; i++)
            net_deliver(device, &stream.frame);
        loop_kill(device);
        net_cut_wire(device);
        loop_start_again(device);
        while (front_ring_has_response(rx))
            take_frame(&stream);
    }
    printf("#   %u frames, %u kills\n", stream.taken, kills.count);
}

/* Meanwhile the frontend has lied: whoever takes over finds out. */
static void
lied_while_it_is_dead(struct loop_device *device)
{
    char said[256];

    loop_connect(device);
    loop_must_serve(device);
    loop_kill(device);
    device->rings[net_tx(0)].front.header->req_prod += 300;
    MUST(loop_start(device, said, sizeof(said)) == -1, "%s", said);
    loop_must_have_stopped(device, "claims");
    loop_begin_again(device);
    loop_connect(device);
    loop_must_serve(device);
}

static void
nodes_vanish(struct loop_device *device)
{
    struct xk_error err;

    loop_connect(device);
    loop_must_serve(device);
    xk_store_remove(device->store, 0, device->back,
                    xk_deadline_in_ms(LOOP_WAIT_MS), &err);
    loop_must_end(device);
}

static const struct net_options bridge = {.on_bridge = true, .max = 1};
static const struct net_options split = {
    .on_bridge = true, .max = 1, .is_split = true};

/* ---- connected again and again ---- */

static void
connect_once(struct loop_device *device, struct net_frame *frame)
{
    loop_connect(device);
    loop_must_serve(device);
    net_offer(device, 0, 1, 1);
    net_deliver(device, frame);
    net_must_receive_whole(device, 0, 1, frame);
    loop_begin_again(device);
}

/* Without a connection it has what it had, whatever came between. */
static void
connected_again_and_again(struct loop_device *device)
{
    static struct net_frame frame;
    struct loop_kills cycles = {.most = CONNECTS};
    struct loop_usage before, after;

    net_make_frame(device, &frame, 1514, 6);
    for (unsigned i = 0; i < 5; i++)
        connect_once(device, &frame);
    before = loop_usage(device);
    while (loop_kills_again(&cycles))
        connect_once(device, &frame);
    after = loop_usage(device);
    printf("#   %u connects, %u pages resident, then %u\n", cycles.count,
           before.resident, after.resident);
    MUST(after.files == before.files, "%u descriptors, then %u", before.files,
         after.files);
    MUST(before.grants == 0 && after.grants == 0, "%u pages are mapped",
         after.grants);
    MUST(after.ports == before.ports, "%u event channels, then %u",
         before.ports, after.ports);
    MUST(after.resident <= before.resident + GROWTH_PAGES,
         "%u pages resident, then %u", before.resident, after.resident);
    loop_connect(device);
    loop_must_serve(device);
}

#define CASE(name, verdict, run)                                               \
    {                                                                          \
        name, verdict, run, NULL                                               \
    }

const struct loop_case net_kill_cases[] = {
    CASE("killed again and again under load", "all answered, in order",
         killed_under_load),
    {"killed while frames are received", "all answered, in order",
     killed_while_it_receives, &bridge},
    {"killed with a port for each ring", "all answered, in order",
     killed_while_it_receives, &split},
    CASE("stopped in order under load", "all answered, in order",
         stopped_under_load),
    CASE("killed before it is connected", "served", loop_kill_unconnected),
    CASE("the ring lies while it is dead", "card stopped",
         lied_while_it_is_dead),
    {"connected and disconnected 1000 times", "nothing leaked",
     connected_again_and_again, &split},
    {"own nodes gone", "card ended, nothing mapped", nodes_vanish,
     .ends = true},
};
const size_t net_kill_count = XK_ARRAY_SIZE(net_kill_cases);
