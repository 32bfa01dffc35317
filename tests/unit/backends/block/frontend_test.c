/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/frontend.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/front_nodes.h"
#include "tests/unit/test.h"

static struct xk_blkif_front front;
static struct xk_error err;
static const struct xk_inflight_offer offer = {
    .queues = 4, .ring_order = 4, .segments = 256};

static int
read_front(void)
{
    return xk_front_read(front_store, "/f", &offer, &front, front_nodes_ample(),
                         &err);
}

static void
must_refuse(const char *word)
{
    front_must_be_refused(read_front(), &err, word);
}

static void
one_ring_of_one_page_needs_two_nodes(void **state)
{
    (void)state;
    front_put("ring-ref", "8");
    front_put("event-channel", "12");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.queues, 1);
    assert_int_equal(front.rings[0].pages, 1);
    assert_int_equal(front.rings[0].grefs[0], 8);
    assert_int_equal(front.rings[0].port, 12);
    assert_int_equal(front.rings[0].abi, XK_BLKIF_NATIVE);
}

static void
the_layout_is_the_one_that_is_named(void **state)
{
    (void)state;
    front_put("ring-ref", "8");
    front_put("event-channel", "12");
    front_put("protocol", "x86_32-abi");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.rings[0].abi, XK_BLKIF_X86_32);
    front_put("protocol", "x86_64-abi");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.rings[0].abi, XK_BLKIF_X86_64);
    front_put("protocol", "x86_64-abi ");
    must_refuse("protocol");
    front_put("protocol", "");
    must_refuse("protocol");
}

static void
many_queues_of_many_pages_are_found_in_their_places(void **state)
{
    (void)state;
    front_put("multi-queue-num-queues", "2");
    front_put("ring-page-order", "1");
    front_put("queue-0/ring-ref0", "1");
    front_put("queue-0/ring-ref1", "2");
    front_put("queue-0/event-channel", "3");
    front_put("queue-1/ring-ref0", "4");
    front_put("queue-1/ring-ref1", "5");
    must_refuse("queue 1");
    front_put("queue-1/event-channel", "6");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.queues, 2);
    assert_int_equal(front.rings[1].pages, 2);
    assert_int_equal(front.rings[1].grefs[1], 5);
    assert_int_equal(front.rings[1].port, 6);
}

static void
a_ring_of_one_page_may_be_numbered_or_not(void **state)
{
    (void)state;
    front_put("ring-page-order", "0");
    front_put("ring-ref", "8");
    front_put("event-channel", "12");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.rings[0].grefs[0], 8);
    front_put("ring-ref0", "9");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.rings[0].grefs[0], 9);
}

static void
numbers_beyond_what_was_offered_are_refused_before_they_are_used(void **state)
{
    static const struct {
        const char *node, *value;
    } rows[] = {
        {"ring-page-order", "5"},
        {"ring-page-order", "-1"},
        {"ring-page-order", "31"},
        {"ring-page-order", "64"},
        {"ring-page-order", "4x"},
        {"ring-page-order", ""},
        {"ring-page-order", "99999999999999999999999"},
        {"multi-queue-num-queues", "0"},
        {"multi-queue-num-queues", "5"},
        {"multi-queue-num-queues", "1000000000"},
        {"event-channel", "0"},
        {"event-channel", "4294967296"},
        {"event-channel", " 7"},
        {"ring-ref", "4294967296"},
        {"ring-ref", "0x8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        front_put("ring-ref", "8");
        front_put("event-channel", "12");
        front_put(rows[i].node, rows[i].value);
        must_refuse(rows[i].node);
        front_remove("");
    }
}

static void
a_value_of_four_kilobytes_is_refused(void **state)
{
    char text[4001];

    (void)state;
    memset(text, '1', 4000);
    text[4000] = '\0';
    front_put("ring-ref", text);
    front_put("event-channel", "12");
    must_refuse("ring-ref");
}

static int
state_of(const char *value)
{
    int state;

    front_remove("state");
    if (value != NULL)
        front_put("state", value);
    assert_int_equal(
        xk_front_state(front_store, "/f", &state, front_nodes_ample(), &err),
        0);
    return state;
}

static void
a_state_is_a_known_number_or_none(void **state)
{
    (void)state;
    assert_int_equal(state_of("4"), XK_XENBUS_CONNECTED);
    assert_int_equal(state_of("8"), XK_XENBUS_RECONFIGURED);
    assert_int_equal(state_of("9"), XK_XENBUS_COUNT);
    assert_int_equal(state_of("99999999999"), XK_XENBUS_COUNT);
    assert_int_equal(state_of(NULL), XK_XENBUS_UNKNOWN);
    assert_int_equal(state_of(""), XK_XENBUS_UNKNOWN);
    assert_int_equal(state_of("-1"), XK_XENBUS_UNKNOWN);
    assert_int_equal(state_of("four"), XK_XENBUS_UNKNOWN);
    assert_int_equal(state_of("4444444444444444444444444444444444444444"),
                     XK_XENBUS_UNKNOWN);
}

static void
a_store_that_does_not_answer_is_no_lie_of_the_frontend(void **state)
{
    int found;

    (void)state;
    front_put("state", "4");
    front_put("ring-ref", "8");
    front_put("event-channel", "12");
    fake_store_delay(front_store, 100);
    assert_int_equal(
        xk_front_state(front_store, "/f", &found, xk_deadline_in_ms(20), &err),
        -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    assert_int_equal(xk_front_read(front_store, "/f", &offer, &front,
                                   xk_deadline_in_ms(20), &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
}

int
main(void)
{
#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, front_nodes_set_up,                  \
                                    front_nodes_tear_down)
    const struct CMUnitTest tests[] = {
        T(one_ring_of_one_page_needs_two_nodes),
        T(the_layout_is_the_one_that_is_named),
        T(many_queues_of_many_pages_are_found_in_their_places),
        T(a_ring_of_one_page_may_be_numbered_or_not),
        T(numbers_beyond_what_was_offered_are_refused_before_they_are_used),
        T(a_value_of_four_kilobytes_is_refused),
        T(a_state_is_a_known_number_or_none),
        T(a_store_that_does_not_answer_is_no_lie_of_the_frontend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
