/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/frontend.h"

#include "base/util.h"
#include "tests/fakes/front_nodes.h"
#include "tests/unit/test.h"

static struct xk_netif_front front;
static struct xk_error err;

static int
read_front(void)
{
    return xk_netif_front_read(front_store, "/f", 4, &front,
                               front_nodes_ample(), &err);
}

static void
put_one_queue(void)
{
    front_put("tx-ring-ref", "8");
    front_put("rx-ring-ref", "9");
    front_put("event-channel", "12");
    front_put("request-rx-copy", "1");
}

static void
must_refuse(const char *word)
{
    front_must_be_refused(read_front(), &err, word);
}

static void
one_queue_is_in_the_directory_of_the_frontend(void **state)
{
    (void)state;
    put_one_queue();
    front_put("multi-queue-num-queues", "1");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.queues, 1);
    assert_int_equal(front.rings[0].tx_gref, 8);
    assert_int_equal(front.rings[0].rx_gref, 9);
    assert_int_equal(front.rings[0].tx_port, 12);
    assert_int_equal(front.rings[0].rx_port, 0);
}

static void
several_queues_have_directories_of_their_own(void **state)
{
    (void)state;
    front_put("request-rx-copy", "1");
    front_put("multi-queue-num-queues", "2");
    front_put("queue-0/tx-ring-ref", "1");
    front_put("queue-0/rx-ring-ref", "2");
    front_put("queue-0/event-channel", "3");
    front_put("queue-1/tx-ring-ref", "4");
    front_put("queue-1/rx-ring-ref", "5");
    must_refuse("queue 1");
    front_put("queue-1/event-channel", "6");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.queues, 2);
    assert_int_equal(front.rings[1].rx_gref, 5);
    assert_int_equal(front.rings[1].tx_port, 6);
}

static void
what_a_frontend_takes_is_read(void **state)
{
    static const struct {
        const char *name, *value;
        struct xk_port_features wanted;
    } steps[] = {
        {"feature-rx-notify", "1", {true, false, false, false}},
        {"feature-gso-tcpv4", "1", {true, false, false, false}},
        {"feature-sg", "1", {true, false, true, false}},
        {"feature-gso-tcpv6", "1", {true, false, true, true}},
        {"feature-ipv6-csum-offload", "1", {true, true, true, true}},
        {"feature-no-csum-offload", "1", {false, true, true, true}},
        {"feature-sg", "0", {false, true, false, false}},
    };

    (void)state;
    put_one_queue();
    for (size_t i = 0; i < XK_ARRAY_SIZE(steps); i++) {
        front_put(steps[i].name, steps[i].value);
        assert_int_equal(read_front(), 0);
        assert_memory_equal(&front.features, &steps[i].wanted,
                            sizeof(front.features));
    }
    assert_int_equal(front.tells_of_pages, 1);
    front_put("feature-rx-notify", "2");
    must_refuse("feature-rx-notify");
    front_remove("feature-rx-notify");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.tells_of_pages, 0);
    assert_int_equal(front.filters_multicast, 0);
    front_put("request-multicast-control", "1");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.filters_multicast, 1);
    front_put("request-multicast-control", "yes");
    must_refuse("request-multicast-control");
    front_remove("request-multicast-control");
    front_put("feature-sg", "2");
    must_refuse("feature-sg");
}

static void
a_frontend_that_wants_no_copies_is_refused(void **state)
{
    (void)state;
    put_one_queue();
    front_put("request-rx-copy", "0");
    must_refuse("request-rx-copy");
    front_remove("request-rx-copy");
    must_refuse("request-rx-copy");
}

/* The node for both may be left over from an earlier connection. */
static void
each_ring_may_have_an_event_channel_of_its_own(void **state)
{
    (void)state;
    put_one_queue();
    front_put("event-channel-tx", "13");
    must_refuse("event-channel-rx");
    front_put("event-channel-rx", "0");
    must_refuse("event-channel-rx");
    front_put("event-channel-rx", "14");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.rings[0].tx_port, 13);
    assert_int_equal(front.rings[0].rx_port, 14);
    front_put("event-channel-tx", "4294967296");
    must_refuse("event-channel-tx");
}

static void
numbers_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *node, *value;
    } rows[] = {
        {"multi-queue-num-queues", "0"},
        {"multi-queue-num-queues", "5"},
        {"multi-queue-num-queues", ""},
        {"event-channel", "0"},
        {"event-channel", "4294967296"},
        {"tx-ring-ref", "-1"},
        {"tx-ring-ref", "4294967296"},
        {"rx-ring-ref", "9x"},
        {"rx-ring-ref", ""},
        {"request-rx-copy", "2"},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        put_one_queue();
        front_put(rows[i].node, rows[i].value);
        must_refuse(rows[i].node);
        front_remove("");
    }
}

int
main(void)
{
#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, front_nodes_set_up,                  \
                                    front_nodes_tear_down)
    const struct CMUnitTest tests[] = {
        T(one_queue_is_in_the_directory_of_the_frontend),
        T(several_queues_have_directories_of_their_own),
        T(what_a_frontend_takes_is_read),
        T(a_frontend_that_wants_no_copies_is_refused),
        T(each_ring_may_have_an_event_channel_of_its_own),
        T(numbers_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
