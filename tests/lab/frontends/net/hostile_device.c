/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes, rings and states that no honest network frontend has. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/util.h"
#include "tests/lab/frontends/net/net.h"
#include "xenstore-helpers/xenbus.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    FLIPS = 300, /* frames that change while they are read */
};

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
    net_must_recover(device);
}

static const struct net_options q4 = {.queues = 4};
static const struct net_options split = {.is_split = true};

#define NODE_OF(name, options, ...)                                            \
    {                                                                          \
        name, "card stopped", bad_node, options, false, &(const struct node)   \
        {                                                                      \
            __VA_ARGS__                                                        \
        }                                                                      \
    }
#define NODE(name, ...) NODE_OF(name, NULL, __VA_ARGS__)

static void
read_only_ring(struct loop_device *device)
{
    net_make_rings(device);
    net_write_rings(device);
    loop_write(device, "rx-ring-ref", "%u", device->read_only_gref);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_must_have_stopped(device, "map");
    net_must_recover(device);
}

/* ---- rings that are shared ---- */

/* Both queues take every request. What the guest is told makes no sense, and
 * harms nobody else. */
static void
shared_ring(struct loop_device *device, const char *name, unsigned ring)
{
    net_make_rings(device);
    net_write_rings(device);
    loop_write(device, name, "%u", device->rings[ring].grefs[0]);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_await(device, XK_XENBUS_CONNECTED);
    for (uint16_t round = 0; round < 50; round++) {
        for (uint16_t i = 0; i < 5; i++)
            net_put(device, 0, i, i, 0, 1000, 0);
        net_push(device, 0);
        loop_kick(device, net_tx(0));
        loop_kick(device, net_tx(1));
    }
    MUST(loop_is_alive(device), "it died");
    net_must_recover(device);
}

static void
one_transmit_ring(struct loop_device *device)
{
    shared_ring(device, "queue-1/tx-ring-ref", net_tx(0));
}

static void
one_receive_ring(struct loop_device *device)
{
    shared_ring(device, "queue-1/rx-ring-ref", net_rx(0));
}

static void
one_page_as_both(struct loop_device *device)
{
    shared_ring(device, "queue-1/rx-ring-ref", net_tx(1));
}

static void
data_in_the_ring(struct loop_device *device)
{
    loop_connect(device);
    for (uint16_t i = 0; i < 200; i++)
        net_put_entry(
            device, 0,
            netif_slot(i, device->rings[net_tx(0)].grefs[0], 0, 4096, 0));
    net_push(device, 0);
    for (uint16_t i = 0; i < 200; i++)
        net_must_answer(device, 0, i, XK_NETIF_OKAY);
}

static void
one_event_channel(struct loop_device *device)
{
    net_make_rings(device);
    net_write_rings(device);
    loop_write(device, "queue-1/event-channel", "%u",
               device->rings[net_tx(0)].port);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_must_have_stopped(device, "event channel");
    net_must_recover(device);
}

static void
one_port_under_two_names(struct loop_device *device)
{
    net_make_rings(device);
    net_write_rings(device);
    loop_write(device, "event-channel-rx", "%u", device->rings[net_tx(0)].port);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_must_have_stopped(device, "event channel");
    net_must_recover(device);
}

static void
events_of_both_ports(struct loop_device *device)
{
    loop_connect(device);
    for (unsigned i = 0; i < 5000; i++)
        loop_kick(device, i % 2);
    loop_must_serve(device);
}

/* The pages of the rings are given back while they are mapped. */
static void
rings_given_back(struct loop_device *device)
{
    loop_connect(device);
    loop_must_serve(device);
    loop_drop_rings(device);
    poll(NULL, 0, 100);
    MUST(loop_is_alive(device), "it died");
    net_must_recover(device);
}

/* ---- a lie, and then the end ---- */

static void
lie_and_close(struct loop_device *device, unsigned queue)
{
    loop_connect(device);
    loop_must_serve(device);
    net_put(device, queue, 1, 0, 4095, 4095, 0);
    net_push(device, queue);
    loop_set_state(device, XK_XENBUS_CLOSING);
    loop_set_state(device, XK_XENBUS_CLOSED);
    loop_await(device, XK_XENBUS_CLOSED);
    MUST(loop_is_alive(device), "it died");
    net_must_recover(device);
}

static void
lie_and_close_first(struct loop_device *device)
{
    lie_and_close(device, 0);
}

static void
lie_and_close_second(struct loop_device *device)
{
    lie_and_close(device, 1);
}

/* ---- events, states, bytes that change ---- */

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
    net_must_recover(device);
}

struct flipper {
    volatile uint32_t *words;
    atomic_bool is_over;
};

static void *
flip(void *context)
{
    struct flipper *flipper = (struct flipper *)context;
    uint32_t state = 1;

    while (!flipper->is_over) {
        state = state * 1664525 + 1013904223;
        flipper->words[state >> 16 & 63] = state;
    }
    return NULL;
}

/* Entries change while they are read (XSA-155): each is a frame that fails, a
 * frame that is sent, or a lie. */
static void
entries_change(struct loop_device *device)
{
    struct flipper flipper = {0};
    pthread_t thread;

    loop_connect(device);
    flipper.words =
        (volatile uint32_t *)front_ring_entry(&device->rings[0].front, 0);
    MUST(pthread_create(&thread, NULL, flip, &flipper) == 0, "no thread");
    for (unsigned i = 0; i < FLIPS; i++) {
        net_put(device, 0, 1, 0, 0, 1514, 0);
        net_push(device, 0);
        loop_kick(device, net_tx(0));
    }
    flipper.is_over = true;
    pthread_join(thread, NULL);
    MUST(loop_is_alive(device), "it died");
    net_must_recover(device);
}

#define ALONE(name, verdict, run)                                              \
    {                                                                          \
        name, verdict, run, NULL, false                                        \
    }

static const struct net_options q2 = {.queues = 2};

#define TWO(name, verdict, run)                                                \
    {                                                                          \
        name, verdict, run, &q2                                                \
    }

const struct loop_case net_hostile_device_cases[] = {
    NODE("tx-ring-ref is no grant", "tx-ring-ref", "2000000000", "map"),
    NODE("rx-ring-ref is no grant", "rx-ring-ref", "2000000000", "map"),
    NODE("rx-ring-ref 8x", "rx-ring-ref", "8x", "rx-ring-ref"),
    NODE("no rx-ring-ref", "rx-ring-ref", NULL, "rx-ring-ref"),
    NODE("five queues of four", "multi-queue-num-queues", "5", "num-queues"),
    NODE("no queue", "multi-queue-num-queues", "0", "num-queues"),
    NODE_OF("a queue that is missing", &q4, "queue-3/tx-ring-ref", NULL,
            "queue 3"),
    NODE("no event-channel", "event-channel", NULL, "event-channel"),
    NODE("event-channel 0", "event-channel", "0", "event-channel"),
    NODE("an event channel of nobody", "event-channel", "4000",
         "event channel"),
    NODE_OF("no event-channel-rx", &split, "event-channel-rx", NULL,
            "event-channel-rx"),
    NODE_OF("an event-channel-rx of nobody", &split, "event-channel-rx", "4000",
            "event channel"),
    {"one event channel under two names", "card stopped",
     one_port_under_two_names, &split},
    {"5000 events of two ports for nothing", "served", events_of_both_ports,
     &split},
    NODE("pages to be exchanged", "request-rx-copy", "0", "request-rx-copy"),
    NODE("a flag of 2", "feature-sg", "2", "feature-sg"),
    ALONE("a ring granted for reading only", "card stopped", read_only_ring),
    TWO("one transmit ring of two queues", "served afterwards",
        one_transmit_ring),
    TWO("one receive ring of two queues", "served afterwards",
        one_receive_ring),
    TWO("one page as both rings of a queue", "served afterwards",
        one_page_as_both),
    TWO("one event channel of two queues", "card stopped", one_event_channel),
    ALONE("frames in the transmit ring's own page", "served", data_in_the_ring),
    ALONE("rings given back while they are served", "served afterwards",
          rings_given_back),
    TWO("a lie on the first queue, then the end", "served afterwards",
        lie_and_close_first),
    TWO("a lie on the second queue, then the end", "served afterwards",
        lie_and_close_second),
    ALONE("5000 events for nothing", "served", events_without_end),
    ALONE("states in any order", "served afterwards", toggle_states),
    ALONE("entries that change while they are read", "served afterwards",
          entries_change),
};
const size_t net_hostile_device_count = XK_ARRAY_SIZE(net_hostile_device_cases);
