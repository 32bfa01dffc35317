/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames from the network to a frontend in plain memory. */
#include "tests/unit/test.h"

#include <string.h>

#include "base/deadline.h"
#include "base/util.h"
#include "tests/fakes/netif_guest.h"

enum {
    QUIET_MS = 50, /* for what must not come */
    PATIENCE_MS = 1000,
    PAGE = XK_NETIF_PAGE_BYTES,
    DATA = NETIF_GUEST_DATA,
    MORE = XK_NETIF_RX_MORE_DATA,
    EXTRA = XK_NETIF_RX_EXTRA,
    GOOD = XK_NETIF_RX_CHECKSUM_GOOD,
    MISSING = XK_NETIF_RX_CHECKSUM_MISSING,
};

static const struct xk_port_features all = {true, true, true, true};
static struct netif_guest *guest;
static struct netif_backend *backend;

static void
start(uint32_t first)
{
    guest = netif_guest_new(first);
    backend = netif_backend_new(guest, all);
    assert_int_equal(netif_backend_connect(backend, false), XK_WORKER_RUNNING);
}

static int
set_up(void **state)
{
    (void)state;
    start(0);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    netif_backend_stop(backend);
    netif_backend_free(backend);
    netif_guest_free(guest);
    return 0;
}

/* Pages with the ids and numbers first, first + 1, ... */
static void
offer(unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        netif_guest_offer(guest, (uint16_t)i, DATA + i);
    netif_guest_push_offers(guest);
}

static void
deliver(uint32_t length, uint8_t seed)
{
    const struct xk_frame frame = {.length = length};

    netif_backend_deliver(backend, &frame, seed);
}

static struct netif_received
receive(void)
{
    struct netif_received received = {0};

    assert_true(netif_guest_receive(guest, &received, NETIF_GUEST_WAIT_MS));
    return received;
}

static void
must_be_quiet(void)
{
    struct netif_received received;

    assert_false(netif_guest_receive(guest, &received, QUIET_MS));
}

/* The next slot has these bytes of a frame, from `at` on. */
static void
must_have(uint16_t id, uint16_t flags, uint8_t seed, uint32_t at,
          int16_t length)
{
    struct netif_received received = receive();
    const uint8_t *page = xk_memory_page(guest->memory, DATA + id);

    assert_int_equal(received.id, id);
    assert_int_equal(received.flags, flags);
    assert_int_equal(received.offset, 0);
    assert_int_equal(received.status, length);
    for (int16_t i = 0; i < length; i++)
        assert_int_equal(page[i], netif_frame_byte(seed, at + (uint32_t)i));
}

/* ---- frames ---- */

static void
a_frame_is_delivered_into_the_first_page(void **state)
{
    (void)state;
    offer(3, 4);
    deliver(60, 1);
    must_have(3, 0, 1, 0, 60);
    deliver(14, 2);
    must_have(4, 0, 2, 0, 14);
    deliver(PAGE, 3);
    must_have(5, 0, 3, 0, PAGE);
    must_be_quiet();
}

static void
a_frame_of_many_pages_has_them_in_the_order_of_the_ring(void **state)
{
    (void)state;
    offer(0, 20);
    deliver(9000, 7);
    must_have(0, MORE, 7, 0, PAGE);
    must_have(1, MORE, 7, PAGE, PAGE);
    must_have(2, 0, 7, 2 * PAGE, 9000 - 2 * PAGE);
    deliver(65535, 9);
    for (uint16_t i = 0; i < 15; i++)
        must_have((uint16_t)(3 + i), MORE, 9, i * (uint32_t)PAGE, PAGE);
    must_have(18, 0, 9, 15 * PAGE, PAGE - 1);
}

static void
what_is_left_to_do_to_a_frame_is_told_by_flags(void **state)
{
    struct xk_frame frame = {.length = 100, .checksum_missing = true};

    (void)state;
    offer(0, 3);
    netif_backend_deliver(backend, &frame, 1);
    must_have(0, MISSING | GOOD, 1, 0, 100);
    frame.checksum_missing = false;
    frame.checksum_good = true;
    netif_backend_deliver(backend, &frame, 2);
    must_have(1, GOOD, 2, 0, 100);
}

/* The extra information takes the place of the second page. */
static void
segments_are_told_behind_the_first_page(void **state)
{
    static const uint8_t tcp6[8] = {
        XK_NETIF_EXTRA_GSO, 0, 1440 & 0xff, 1440 >> 8, 2, 0, 0, 0};
    const struct xk_frame frame = {
        .length = 6000,
        .checksum_missing = true,
        .segment_type = XK_FRAME_TCP6,
        .segment_bytes = 1440,
    };
    struct netif_received extra;

    (void)state;
    offer(0, 4);
    netif_backend_deliver(backend, &frame, 5);
    must_have(0, MISSING | GOOD | EXTRA | MORE, 5, 0, PAGE);
    extra = receive();
    assert_memory_equal(extra.bytes, tcp6, sizeof(tcp6));
    must_have(2, 0, 5, PAGE, 6000 - PAGE);
}

/* ---- pages ---- */

static void
a_frame_waits_for_as_many_pages_as_it_takes(void **state)
{
    (void)state;
    offer(0, 2);
    deliver(9000, 1);
    must_be_quiet();
    offer(2, 1);
    must_have(0, MORE, 1, 0, PAGE);
    must_have(1, MORE, 1, PAGE, PAGE);
    must_have(2, 0, 1, 2 * PAGE, 9000 - 2 * PAGE);
}

static void
frames_that_find_no_page_come_when_there_are_some(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 10; i++)
        deliver(100, i);
    must_be_quiet();
    for (uint8_t i = 0; i < 10; i++) {
        offer(i, 1);
        must_have(i, 0, i, 0, 100);
    }
}

static void
connect_with_patience(unsigned ms)
{
    netif_backend_stop(backend);
    backend->device.patience_ms = ms;
    assert_int_equal(netif_backend_connect(backend, false), XK_WORKER_RUNNING);
}

static void
await_dropped(uint64_t count)
{
    struct xk_deadline deadline = xk_deadline_in_ms(NETIF_GUEST_WAIT_MS);

    while (netif_backend_stats(backend).rx_dropped < count)
        assert_true(xk_deadline_pause(deadline, 1));
    assert_int_equal(netif_backend_stats(backend).rx_dropped, count);
}

static void
a_guest_without_pages_for_too_long_gets_nothing_stale_later(void **state)
{
    (void)state;
    connect_with_patience(20);
    for (unsigned i = 0; i < 100; i++)
        deliver(60, 1);
    await_dropped(100);
    deliver(1514, 1);
    await_dropped(101);
    assert_int_equal(netif_backend_stats(backend).rx_stalls, 1);
    offer(0, 2);
    must_be_quiet();
    deliver(100, 2);
    must_have(0, 0, 2, 0, 100);
    deliver(100, 3);
    must_have(1, 0, 3, 0, 100);
    assert_int_equal(netif_backend_stats(backend).rx_dropped, 101);
}

static void
a_frame_that_finds_its_pages_ends_a_stall(void **state)
{
    (void)state;
    connect_with_patience(20);
    offer(0, 1);
    deliver(9000, 1);
    await_dropped(1);
    deliver(60, 2);
    must_have(0, 0, 2, 0, 60);
    deliver(9000, 3);
    await_dropped(2);
    assert_int_equal(netif_backend_stats(backend).rx_stalls, 2);
}

static void
a_stall_is_not_the_next_connections(void **state)
{
    (void)state;
    connect_with_patience(1);
    deliver(60, 1);
    await_dropped(1);
    connect_with_patience(60000);
    deliver(60, 2);
    must_be_quiet();
    offer(0, 1);
    must_have(0, 0, 2, 0, 60);
}

static void
a_page_that_cannot_be_written_fails_its_frame_only(void **state)
{
    struct netif_received failed;

    (void)state;
    guest->memory->access[DATA + 1] = XK_MEMORY_READ_ONLY;
    offer(0, 4);
    deliver(100, 1);
    must_have(0, 0, 1, 0, 100);
    deliver(5000, 2);
    failed = receive();
    assert_int_equal(failed.id, 1);
    assert_int_equal(failed.status, XK_NETIF_ERROR);
    assert_int_equal(failed.flags, MORE);
    must_have(2, 0, 2, PAGE, 5000 - PAGE);
    deliver(100, 3);
    must_have(3, 0, 3, 0, 100);
    assert_int_equal(netif_backend_stats(backend).rx_dropped, 1);
    assert_int_equal(netif_backend_stats(backend).rx_packets, 2);
}

static void
a_copy_that_fails_as_a_whole_fails_all_frames_of_the_round(void **state)
{
    (void)state;
    guest->memory->copies_to_fail = 1;
    offer(0, 2);
    deliver(100, 1);
    assert_int_equal(receive().status, XK_NETIF_ERROR);
    deliver(100, 2);
    must_have(1, 0, 2, 0, 100);
}

static void
a_frontend_that_offers_more_than_the_ring_has_is_served_no_more(void **state)
{
    (void)state;
    guest->rx.header->req_prod = guest->rx.header->req_prod + 257;
    netif_guest_ring_bell(guest);
    assert_int_equal(netif_backend_wait(backend, XK_WORKER_BROKEN),
                     XK_WORKER_BROKEN);
}

static void
indexes_wrap_around(void **state)
{
    (void)state;
    tear_down(NULL);
    start(0xffffff80u);
    for (unsigned i = 0; i < 600; i++) {
        uint16_t id = (uint16_t)(i % 200);

        offer(id, 1);
        deliver(60 + i % 50, (uint8_t)i);
        must_have(id, 0, (uint8_t)i, 0, (int16_t)(60 + i % 50));
    }
}

/* ---- multicast ---- */

enum {
    GROUP = 1, /* seeds of frames: their first byte has the bit of a group */
    ALONE = 2,
};

static void
change_list(uint8_t type, uint8_t seed)
{
    struct netif_response response;
    uint8_t address[6];

    for (unsigned i = 0; i < 6; i++)
        address[i] = netif_frame_byte(seed, i);
    netif_guest_put(guest, netif_slot(1, DATA, 0, 60, XK_NETIF_TX_EXTRA));
    netif_guest_put(guest, netif_multicast(type, 0, address));
    netif_guest_push(guest);
    for (unsigned i = 0; i < 2; i++)
        assert_true(netif_guest_next(guest, &response, NETIF_GUEST_WAIT_MS));
}

static void
multicast_that_is_not_in_the_list_is_dropped_if_that_is_asked_for(void **state)
{
    (void)state;
    netif_backend_stop(backend);
    xk_netif_multicast_begin(&backend->multicast, true);
    assert_int_equal(netif_backend_connect(backend, false), XK_WORKER_RUNNING);
    offer(0, 3);
    for (unsigned i = 0; i < 300; i++)
        deliver(60, GROUP);
    deliver(60, ALONE);
    must_have(0, 0, ALONE, 0, 60);
    assert_int_equal(netif_backend_stats(backend).rx_filtered, 300);
    change_list(XK_NETIF_EXTRA_MCAST_ADD, GROUP);
    deliver(60, GROUP);
    must_have(1, 0, GROUP, 0, 60);
    change_list(XK_NETIF_EXTRA_MCAST_DEL, GROUP);
    deliver(60, GROUP);
    must_be_quiet();
    assert_int_equal(netif_backend_stats(backend).rx_filtered, 301);
}

static void
await_filtered(uint64_t count)
{
    struct xk_deadline deadline = xk_deadline_in_ms(NETIF_GUEST_WAIT_MS);

    while (netif_backend_stats(backend).rx_filtered < count)
        assert_true(xk_deadline_pause(deadline, 1));
}

static void
the_time_of_a_frame_that_is_filtered_while_it_waits_is_not_the_next_ones(
    void **state)
{
    struct netif_received received;

    (void)state;
    xk_netif_multicast_begin(&backend->multicast, true);
    connect_with_patience(PATIENCE_MS);
    change_list(XK_NETIF_EXTRA_MCAST_ADD, GROUP);
    deliver(60, GROUP);
    must_be_quiet();
    change_list(XK_NETIF_EXTRA_MCAST_DEL, GROUP);
    await_filtered(1);
    assert_false(netif_guest_receive(guest, &received, PATIENCE_MS));
    deliver(60, ALONE);
    must_be_quiet();
    assert_int_equal(netif_backend_stats(backend).rx_stalls, 0);
    offer(0, 1);
    must_have(0, 0, ALONE, 0, 60);
}

/* ---- connections ---- */

static void
a_frame_that_waits_is_not_the_next_connections(void **state)
{
    (void)state;
    offer(0, 1);
    deliver(5000, 1);
    must_be_quiet();
    netif_backend_stop(backend);
    guest->rx.header->req_prod = guest->rx.header->rsp_prod;
    guest->rx.req_prod = guest->rx.header->rsp_prod;
    assert_int_equal(netif_backend_connect(backend, false), XK_WORKER_RUNNING);
    offer(4, 3);
    must_be_quiet();
    deliver(100, 2);
    must_have(4, 0, 2, 0, 100);
}

static void
frames_pass_both_ways_at_once(void **state)
{
    (void)state;
    offer(0, 100);
    for (unsigned i = 0; i < 1000; i++) {
        uint16_t id = (uint16_t)(i % 100);
        struct netif_response response;

        netif_guest_put(guest, netif_slot((uint16_t)i, DATA + 300, 0, 64, 0));
        netif_guest_push(guest);
        deliver(200, (uint8_t)i);
        must_have(id, 0, (uint8_t)i, 0, 200);
        offer(id, 1);
        assert_true(netif_guest_next(guest, &response, NETIF_GUEST_WAIT_MS));
        assert_int_equal(response.status, XK_NETIF_OKAY);
        backend->sent_count = 0;
    }
    assert_int_equal(netif_backend_stats(backend).rx_packets, 1000);
    assert_int_equal(netif_backend_stats(backend).rx_bytes, 200000);
    assert_int_equal(netif_backend_stats(backend).tx_packets, 1000);
}

static void
each_ring_notifies_its_own_port(void **state)
{
    struct netif_response response;

    (void)state;
    netif_backend_stop(backend);
    guest->id.rx_port = 8;
    assert_int_equal(netif_backend_connect(backend, false), XK_WORKER_RUNNING);
    offer(0, 1);
    deliver(60, 1);
    must_have(0, 0, 1, 0, 60);
    assert_int_equal(guest->memory->notified[0], 0);
    assert_int_equal(guest->memory->notified[1], 1);
    netif_guest_put(guest, netif_slot(1, DATA, 0, 60, 0));
    netif_guest_push(guest);
    assert_true(netif_guest_next(guest, &response, NETIF_GUEST_WAIT_MS));
    assert_int_equal(guest->memory->notified[0], 1);
    assert_int_equal(guest->memory->notified[1], 1);
}

/* A frame waits for a page, which comes along with a frame of the guest's. */
static void
a_round_of_both_rings_sends_one_event_through_their_port(void **state)
{
    struct netif_response response;

    (void)state;
    deliver(60, 1);
    must_be_quiet();
    netif_guest_put(guest, netif_slot(1, DATA + 1, 0, 60, 0));
    (void)front_ring_push(&guest->tx);
    offer(0, 1);
    must_have(0, 0, 1, 0, 60);
    assert_true(netif_guest_next(guest, &response, NETIF_GUEST_WAIT_MS));
    netif_backend_stop(backend);
    assert_int_equal(netif_backend_stats(backend).notifies, 1);
    assert_int_equal(guest->memory->notified[0], 1);
}

/* A part that crossed a page boundary of ours would be two copies. */
static void
a_page_of_a_frame_is_one_copy(void **state)
{
    (void)state;
    deliver(100, 1);
    deliver(3 * PAGE, 2);
    deliver(PAGE + 1, 3);
    must_be_quiet();
    offer(0, 6);
    must_have(0, 0, 1, 0, 100);
    for (uint16_t i = 0; i < 3; i++)
        must_have((uint16_t)(1 + i), i < 2 ? MORE : 0, 2, i * (uint32_t)PAGE,
                  PAGE);
    must_have(4, MORE, 3, 0, PAGE);
    must_have(5, 0, 3, PAGE, 1);
    assert_int_equal(guest->memory->copy_steps, 6);
}

static void
many_frames_are_copied_by_few_calls(void **state)
{
    uint64_t before = netif_backend_stats(backend).copy_calls;

    (void)state;
    for (uint8_t i = 0; i < 100; i++)
        deliver(64, i);
    must_be_quiet(); /* one waits, the others stay in the network */
    offer(0, 100);
    for (uint16_t i = 0; i < 100; i++)
        must_have(i, 0, (uint8_t)i, 0, 64);
    assert_true(netif_backend_stats(backend).copy_calls - before <= 5);
}

static void
what_the_port_could_not_send_goes_out_once_it_can(void **state)
{
    struct xk_deadline deadline = xk_deadline_in_ms(NETIF_GUEST_WAIT_MS);

    (void)state;
    netif_backend_stop(backend);
    backend->port_is_behind = true;
    assert_int_equal(netif_backend_connect(backend, false), XK_WORKER_RUNNING);
    offer(0, 1);
    deliver(60, 1);
    assert_int_equal(receive().status, 60);
    while (backend->drained == 0)
        assert_true(xk_deadline_pause(deadline, 1));
    assert_int_equal(backend->drained, 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_frame_is_delivered_into_the_first_page),
        T(a_frame_of_many_pages_has_them_in_the_order_of_the_ring),
        T(what_is_left_to_do_to_a_frame_is_told_by_flags),
        T(segments_are_told_behind_the_first_page),
        T(a_frame_waits_for_as_many_pages_as_it_takes),
        T(frames_that_find_no_page_come_when_there_are_some),
        T(a_guest_without_pages_for_too_long_gets_nothing_stale_later),
        T(a_frame_that_finds_its_pages_ends_a_stall),
        T(a_stall_is_not_the_next_connections),
        T(a_page_that_cannot_be_written_fails_its_frame_only),
        T(a_copy_that_fails_as_a_whole_fails_all_frames_of_the_round),
        T(a_frontend_that_offers_more_than_the_ring_has_is_served_no_more),
        T(indexes_wrap_around),
        T(multicast_that_is_not_in_the_list_is_dropped_if_that_is_asked_for),
        T(the_time_of_a_frame_that_is_filtered_while_it_waits_is_not_the_next_ones),
        T(a_frame_that_waits_is_not_the_next_connections),
        T(frames_pass_both_ways_at_once),
        T(each_ring_notifies_its_own_port),
        T(a_round_of_both_rings_sends_one_event_through_their_port),
        T(a_page_of_a_frame_is_one_copy),
        T(many_frames_are_copied_by_few_calls),
        T(what_the_port_could_not_send_goes_out_once_it_can),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
