/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rings, nodes and states that no honest frontend makes: the device stops, says
 * why in its error node, and can be closed; or it goes on where the lie does no
 * harm.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/lab/frontends/block/block.h"
#include "xenstore-helpers/xenbus.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* A frontend that was found out begins anew and is served. */
static void
must_recover(struct loop_device *device)
{
    static const char *const nodes[] = {"ring-ref", "ring-page-order",
                                        "multi-queue-num-queues", "protocol",
                                        "event-channel"};

    for (size_t i = 0; i < XK_ARRAY_SIZE(nodes); i++)
        loop_remove(device, nodes[i]);
    loop_begin_again(device);
    loop_connect(device);
    loop_must_serve(device);
}

/* ---- the ring's indexes ---- */

static void
lie_about_requests(struct loop_device *device)
{
    uint32_t lie = *(const uint32_t *)loop_case_now->argument;
    struct loop_ring *ring;

    loop_connect(device);
    loop_must_serve(device);
    ring = &device->rings[device->ring_count - 1];
    ring->front.header->req_prod += lie;
    loop_kick(device, device->ring_count - 1);
    loop_must_have_stopped(device, "claims");
    must_recover(device);
}

static void
lie_before_connecting(struct loop_device *device)
{
    loop_make_rings(device);
    loop_write_rings(device);
    device->rings[0].front.header->req_prod = 33;
    loop_set_state(device, XK_XENBUS_INITIALISED);
    loop_must_have_stopped(device, "claims");
    must_recover(device);
}

static void
ring_as_data(struct loop_device *device)
{
    struct blkif_bytes entry;

    loop_connect(device);
    entry = loop_request(device, XK_BLKIF_OP_READ, 0, 1, 0);
    blkif_set_segment(block_of(device)->options.abi, &entry, 0,
                      device->rings[0].grefs[0], 0, 7);
    loop_put(device, 0, &entry);
    loop_push(device, 0);
    for (unsigned i = 0; i < 20; i++)
        loop_kick(device, 0);
    MUST(loop_is_alive(device), "it died");
}

/* ---- nodes ---- */

struct node {
    const char *name;
    const char *value; /* NULL: removed */
    const char *word;  /* in the error */
    bool repeat;       /* value 200 times over */
};

static void
bad_node(struct loop_device *device)
{
    const struct node *node = (const struct node *)loop_case_now->argument;
    XK_CLEANUP_BUF struct xk_buf value = {0};

    loop_make_rings(device);
    loop_write_rings(device);
    if (node->value == NULL) {
        loop_remove(device, node->name);
    } else {
        for (unsigned i = 0; i < (node->repeat ? 200 : 1); i++)
            xk_buf_puts(&value, node->value);
        loop_write(device, node->name, "%s", value.data);
    }
    loop_set_state(device, XK_XENBUS_INITIALISED);
    loop_must_have_stopped(device, node->word);
    must_recover(device);
}

#define NODE(name, ...)                                                        \
    {                                                                          \
        name, "device stopped", bad_node, NULL, false,                         \
            &(const struct node){__VA_ARGS__}, false                           \
    }

static void
two_queues_one_port(struct loop_device *device)
{
    loop_make_rings(device);
    loop_write_rings(device);
    loop_write(device, "queue-1/event-channel", "%u", device->rings[0].port);
    loop_set_state(device, XK_XENBUS_INITIALISED);
    loop_must_have_stopped(device, "event channel");
}

static void
two_queues_one_ring(struct loop_device *device)
{
    struct blkif_bytes entry;

    loop_make_rings(device);
    loop_write_rings(device);
    loop_write(device, "queue-1/ring-ref", "%u", device->rings[0].grefs[0]);
    loop_set_state(device, XK_XENBUS_INITIALISED);
    loop_await(device, XK_XENBUS_CONNECTED);
    for (unsigned i = 0; i < 20; i++) {
        entry = loop_request(device, XK_BLKIF_OP_READ, 0, 1, i);
        loop_put(device, 0, &entry);
        device->rings[0].front.header->req_prod =
            device->rings[0].front.req_prod;
        loop_kick(device, 0);
        loop_kick(device, 1);
    }
    MUST(loop_is_alive(device), "it died");
}

static void
port_that_is_bound(struct loop_device *device)
{
    struct loop_device *other = loop_open(NULL);

    loop_connect(other);
    loop_make_rings(device);
    loop_write_rings(device);
    loop_write(device, "event-channel", "%u", other->rings[0].port);
    loop_set_state(device, XK_XENBUS_INITIALISED);
    loop_await(device, XK_XENBUS_CLOSING);
    loop_must_serve(other);
    loop_close(other);
}

static void
read_only_ring(struct loop_device *device)
{
    loop_make_rings(device);
    loop_write_rings(device);
    loop_write(device, "ring-ref", "%u", device->read_only_gref);
    loop_set_state(device, XK_XENBUS_INITIALISED);
    loop_must_have_stopped(device, "map");
    must_recover(device);
}

static void
nodes_change_behind_it(struct loop_device *device)
{
    loop_connect(device);
    for (unsigned i = 0; i < 20; i++) {
        loop_write(device, "ring-ref", "%u", 100000 + i);
        loop_write(device, "event-channel", "x%u", i);
    }
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_must_have_stopped(device, "event-channel");
    must_recover(device);
}

/* ---- states ---- */

static void
state_that_is_none(struct loop_device *device)
{
    const char *value = (const char *)loop_case_now->argument;

    loop_connect(device);
    loop_must_serve(device);
    loop_write(device, "state", "%s", value);
    poll(NULL, 0, 300);
    MUST(loop_is_alive(device), "it died");
    loop_must_serve(device);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_must_serve(device);
}

#define STATE(name, value)                                                     \
    {                                                                          \
        name, "ignored", state_that_is_none, NULL, false, value, false         \
    }

static void
fill_ring(struct loop_device *device)
{
    for (unsigned i = 0; i < 32; i++) {
        struct blkif_bytes entry =
            loop_request(device, i % 2 ? XK_BLKIF_OP_WRITE : XK_BLKIF_OP_READ,
                         i * 88, 11, i);

        loop_put(device, 0, &entry);
    }
    loop_push(device, 0);
}

static void
state_without_meaning(struct loop_device *device)
{
    loop_connect(device);
    loop_write(device, "state", "%s", (const char *)loop_case_now->argument);
    loop_must_end(device);
}

static void
directory_vanishes(struct loop_device *device)
{
    loop_connect(device);
    fill_ring(device);
    loop_remove(device, "state");
    loop_must_end(device);
}

static void
own_nodes_vanish(struct loop_device *device)
{
    XK_CLEANUP_FREE char *path = xk_strdup(device->back);
    struct xk_error err;

    loop_connect(device);
    fill_ring(device);
    xk_store_remove(device->store, 0, path, xk_deadline_in_ms(LOOP_WAIT_MS),
                    &err);
    loop_must_end(device);
}

static long
resident_kib(const struct loop_device *device)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("/proc/%d/status", (int)device->backend);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    const char *at;

    if (xk_read_file(AT_FDCWD, path, 65536, &text, NULL) == -1)
        return -1;
    at = strstr(text.data, "VmRSS:");
    return at != NULL ? strtol(at + 6, NULL, 10) : -1;
}

static void
state_storm(struct loop_device *device)
{
    long before, after;

    loop_connect(device);
    loop_must_serve(device);
    before = resident_kib(device);
    for (unsigned i = 0; i < 3000; i++)
        loop_set_state(device,
                       i % 2 ? XK_XENBUS_CONNECTED : XK_XENBUS_INITIALISED);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_must_serve(device);
    after = resident_kib(device);
    printf("#   3000 states written: %ld to %ld KiB\n", before, after);
    MUST(after > 0 && after < before + 512, "%ld to %ld KiB", before, after);
}

static void
nodes_storm(struct loop_device *device)
{
    loop_connect(device);
    for (unsigned i = 0; i < 1000; i++) {
        char name[32];

        snprintf(name, sizeof(name), "junk/%u", i);
        loop_write(device, name, "%u", i);
    }
    loop_must_serve(device);
}

/* XSA-350: any order, any speed, with requests under way. */
static void
toggle_states(struct loop_device *device)
{
    static const int states[] = {4, 6, 1, 4, 5, 1, 3, 4, 6, 5, 1, 2};

    loop_connect(device);
    for (unsigned i = 0; i < 120; i++) {
        if (device->rings[0].front.req_prod - device->rings[0].front.rsp_cons ==
            0)
            fill_ring(device);
        loop_set_state(device, states[i % XK_ARRAY_SIZE(states)]);
        if (i % 7 == 0)
            poll(NULL, 0, 30);
    }
    MUST(loop_is_alive(device), "it died");
    must_recover(device);
}

static void
connect_again_and_again(struct loop_device *device)
{
    for (unsigned i = 0; i < 10; i++) {
        loop_connect(device);
        fill_ring(device);
        loop_begin_again(device);
    }
    loop_connect(device);
    loop_must_serve(device);
}

static const struct loop_options q2 = {
    .queues = 2, .json = ",\"discard\":true,\"queues\":4"};
static const struct loop_options q4 = {
    .queues = 4, .json = ",\"discard\":true,\"queues\":4"};
static const struct loop_options order2 = {.order = 2};

#define LIE(name, options, number)                                             \
    {                                                                          \
        name, "device stopped", lie_about_requests, options, false,            \
            &(const uint32_t){number}, false                                   \
    }
#define ALONE(name, verdict, run, options)                                     \
    {                                                                          \
        name, verdict, run, options, false, NULL, false                        \
    }
#define ENDS(name, run, argument)                                              \
    {                                                                          \
        name, "device ended, nothing mapped", run, NULL, false, argument, true \
    }

const struct loop_case hostile_device_cases[] = {
    LIE("33 requests in a ring of 32", NULL, 33),
    LIE("a million requests", NULL, 1000000),
    LIE("requests taken back", NULL, 0xffffffff),
    LIE("2^31 requests", NULL, 0x80000000),
    LIE("too many requests in the last of four queues", &q4, 4000),
    ALONE("too many requests at once", "device stopped", lie_before_connecting,
          NULL),
    ALONE("the ring as a page to read into", "guest's own affair", ring_as_data,
          NULL),
    NODE("no ring-ref", "ring-ref", NULL, "ring-ref"),
    NODE("ring-ref is empty", "ring-ref", "", "ring-ref"),
    NODE("ring-ref -1", "ring-ref", "-1", "ring-ref"),
    NODE("ring-ref 8x", "ring-ref", "8x", "ring-ref"),
    NODE("ring-ref 99999999999", "ring-ref", "99999999999", "ring-ref"),
    NODE("ring-ref is no grant", "ring-ref", "2000000000", "map"),
    NODE("ring-ref of 2000 bytes", "ring-ref", "1234567890", "ring-ref", true),
    NODE("ring-page-order -1", "ring-page-order", "-1", "ring-page-order"),
    NODE("ring-page-order 5", "ring-page-order", "5", "ring-page-order"),
    NODE("ring-page-order 31", "ring-page-order", "31", "ring-page-order"),
    NODE("ring-page-order 64", "ring-page-order", "64", "ring-page-order"),
    NODE("ring-page-order 4x", "ring-page-order", "4x", "ring-page-order"),
    NODE("ring-page-order 4, one ring-ref", "ring-page-order", "4",
         "ring-ref0"),
    NODE("no queues", "multi-queue-num-queues", "0", "num-queues"),
    NODE("10^9 queues", "multi-queue-num-queues", "1000000000", "num-queues"),
    NODE("-1 queues", "multi-queue-num-queues", "-1", "num-queues"),
    NODE("two queues, rings of one", "multi-queue-num-queues", "2", "queue"),
    NODE("no event-channel", "event-channel", NULL, "event-channel"),
    NODE("event-channel 0", "event-channel", "0", "event-channel"),
    NODE("event-channel garbage", "event-channel", "\x01\x7f", "event-channel"),
    NODE("event-channel that nobody offers", "event-channel", "4000",
         "event channel"),
    NODE("protocol garbage", "protocol", "arm-abi", "protocol"),
    NODE("protocol of 2000 bytes", "protocol", "x86_64-abi", "protocol", true),
    {"a page is missing of four", "device stopped", bad_node, &order2, false,
     &(const struct node){"ring-ref3", NULL, "ring-ref3"}, false},
    ALONE("two queues with one port", "device stopped", two_queues_one_port,
          &q2),
    ALONE("two queues with one ring", "guest's own affair", two_queues_one_ring,
          &q2),
    ALONE("the port of another device", "device stopped, the other unharmed",
          port_that_is_bound, NULL),
    ALONE("a ring granted for reading only", "device stopped", read_only_ring,
          NULL),
    ALONE("nodes change after connecting", "device stopped when told",
          nodes_change_behind_it, NULL),
    STATE("state 2 of a frontend", "2"),
    STATE("state 7", "7"),
    STATE("state 9", "9"),
    STATE("state 99999999999", "99999999999"),
    ENDS("state empty", state_without_meaning, ""),
    ENDS("state -1", state_without_meaning, "-1"),
    ENDS("state 0", state_without_meaning, "0"),
    ENDS("state node gone with requests under way", directory_vanishes, NULL),
    ENDS("own nodes gone with requests under way", own_nodes_vanish, NULL),
    ALONE("3000 writes of the state", "memory flat", state_storm, NULL),
    ALONE("1000 nodes in its directory", "served", nodes_storm, NULL),
    ALONE("states in any order with requests under way", "served afterwards",
          toggle_states, NULL),
    ALONE("ten connections with requests left behind", "served",
          connect_again_and_again, NULL),
};
const size_t hostile_device_count = XK_ARRAY_SIZE(hostile_device_cases);
