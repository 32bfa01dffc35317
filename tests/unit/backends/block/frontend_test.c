/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/frontend.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"

static struct xk_store *store;
static struct xk_blkif_front front;
static struct xk_error err;
static const struct xk_inflight_offer offer = {
    .queues = 4, .ring_order = 4, .segments = 256};

static int
set_up(void **state)
{
    (void)state;
    store = fake_store_new();
    memset(&err, 0, sizeof(err));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_store_close(store);
    return 0;
}

static struct xk_deadline
ample(void)
{
    return xk_deadline_in_ms(10000);
}

static void
put(const char *name, const char *value)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("/f/%s", name);

    assert_int_equal(xk_store_write(store, 0, path, value, ample(), NULL), 0);
}

static int
read_front(void)
{
    return xk_front_read(store, "/f", &offer, &front, ample(), &err);
}

static void
must_refuse(const char *word)
{
    assert_int_equal(read_front(), -1);
    assert_int_equal(err.kind, XK_ERR_PROTOCOL);
    if (strstr(err.message, word) == NULL)
        fail_msg("\"%s\" is not in: %s", word, err.message);
}

static void
one_ring_of_one_page_needs_two_nodes(void **state)
{
    (void)state;
    put("ring-ref", "8");
    put("event-channel", "12");
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
    put("ring-ref", "8");
    put("event-channel", "12");
    put("protocol", "x86_32-abi");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.rings[0].abi, XK_BLKIF_X86_32);
    put("protocol", "x86_64-abi");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.rings[0].abi, XK_BLKIF_X86_64);
    put("protocol", "x86_64-abi ");
    must_refuse("protocol");
    put("protocol", "");
    must_refuse("protocol");
}

static void
many_queues_of_many_pages_are_found_in_their_places(void **state)
{
    (void)state;
    put("multi-queue-num-queues", "2");
    put("ring-page-order", "1");
    put("queue-0/ring-ref0", "1");
    put("queue-0/ring-ref1", "2");
    put("queue-0/event-channel", "3");
    put("queue-1/ring-ref0", "4");
    put("queue-1/ring-ref1", "5");
    must_refuse("queue 1");
    put("queue-1/event-channel", "6");
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
    put("ring-page-order", "0");
    put("ring-ref", "8");
    put("event-channel", "12");
    assert_int_equal(read_front(), 0);
    assert_int_equal(front.rings[0].grefs[0], 8);
    put("ring-ref0", "9");
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
        put("ring-ref", "8");
        put("event-channel", "12");
        put(rows[i].node, rows[i].value);
        must_refuse(rows[i].node);
        xk_store_remove(store, 0, "/f", ample(), &err);
    }
}

static void
a_value_of_four_kilobytes_is_refused(void **state)
{
    char text[4001];

    (void)state;
    memset(text, '1', 4000);
    text[4000] = '\0';
    put("ring-ref", text);
    put("event-channel", "12");
    must_refuse("ring-ref");
}

static int
state_of(const char *value)
{
    int state;

    xk_store_remove(store, 0, "/f/state", ample(), &err);
    if (value != NULL)
        put("state", value);
    assert_int_equal(xk_front_state(store, "/f", &state, ample(), &err), 0);
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
    put("state", "4");
    put("ring-ref", "8");
    put("event-channel", "12");
    fake_store_delay(store, 100);
    assert_int_equal(
        xk_front_state(store, "/f", &found, xk_deadline_in_ms(20), &err), -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    assert_int_equal(
        xk_front_read(store, "/f", &offer, &front, xk_deadline_in_ms(20), &err),
        -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
