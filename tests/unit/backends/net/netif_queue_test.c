/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A queue of a network card against a frontend in plain memory. */
#include "tests/unit/test.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/util.h"
#include "tests/fakes/netif_guest.h"

enum {
    QUIET_MS = 50, /* for what must not come */
    PAGE = XK_NETIF_PAGE_BYTES,
    DATA = NETIF_GUEST_DATA,
    MORE = XK_NETIF_TX_MORE_DATA,
    EXTRA = XK_NETIF_TX_EXTRA,
};

static const struct xk_port_features all = {true, true, true, true};
static struct netif_guest *guest;
static struct netif_backend *backend;

static void
start(uint32_t first, struct xk_port_features features)
{
    guest = netif_guest_new(first);
    for (uint32_t i = DATA * PAGE; i < NETIF_GUEST_PAGES * PAGE; i++)
        guest->memory->pages[i] = (uint8_t)(i * 2654435761u >> 13);
    backend = netif_backend_new(guest, features);
}

static int
set_up(void **state)
{
    (void)state;
    start(0, all);
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

static void
start_again(uint32_t first, struct xk_port_features features)
{
    tear_down(NULL);
    start(first, features);
}

static void
connect_card(void)
{
    assert_int_equal(netif_backend_connect(backend, false), XK_WORKER_RUNNING);
}

static void
put(uint16_t id, uint32_t gref, uint16_t offset, uint16_t size, uint16_t flags)
{
    netif_guest_put(guest, netif_slot(id, gref, offset, size, flags));
}

static void
put_extra(uint8_t type, uint8_t flags, uint16_t size, uint8_t gso)
{
    netif_guest_put(guest, netif_extra(type, flags, size, gso));
}

static void
must_answer(uint16_t id, int16_t status)
{
    struct netif_response response = {0};

    assert_true(netif_guest_next(guest, &response, NETIF_GUEST_WAIT_MS));
    assert_int_equal(response.id, id);
    assert_int_equal(response.status, status);
}

static void
must_be_quiet(void)
{
    struct netif_response response;

    assert_false(netif_guest_next(guest, &response, QUIET_MS));
}

/* The ring lied: it is served no more, and says why. */
static void
must_break(const char *word)
{
    assert_int_equal(netif_backend_wait(backend, XK_WORKER_BROKEN),
                     XK_WORKER_BROKEN);
    if (strstr(xk_worker_reason(backend->queue), word) == NULL)
        fail_msg("\"%s\" is not in: %s", word,
                 xk_worker_reason(backend->queue));
}

static uint32_t
sum_of(uint32_t gref, uint16_t offset, uint16_t size)
{
    const uint8_t *bytes = xk_memory_page(guest->memory, gref) + offset;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum += bytes[i];
    return sum;
}

static void
must_serve(uint16_t id)
{
    unsigned before = backend->sent_count;

    put(id, DATA, 0, 60, 0);
    netif_guest_push(guest);
    must_answer(id, XK_NETIF_OKAY);
    assert_int_equal(backend->sent_count, before + 1);
}

/* ---- honest frames ---- */

static void
a_frame_of_one_slot_reaches_the_port_with_its_bytes(void **state)
{
    (void)state;
    connect_card();
    put(77, DATA, 100, 1514, 0);
    netif_guest_push(guest);
    must_answer(77, XK_NETIF_OKAY);
    assert_int_equal(backend->sent_count, 1);
    assert_int_equal(backend->sent[0].length, 1514);
    assert_int_equal(backend->sent[0].sum, sum_of(DATA, 100, 1514));
    assert_false(backend->sent[0].checksum_missing);
}

static void
the_first_slot_holds_what_the_others_leave_of_the_size(void **state)
{
    (void)state;
    connect_card();
    put(1, DATA, 96, 4000 + 4096 + 100, MORE);
    put(2, DATA + 1, 0, 4096, MORE);
    put(3, DATA + 2, 3996, 100, 0);
    netif_guest_push(guest);
    must_answer(1, XK_NETIF_OKAY);
    must_answer(2, XK_NETIF_OKAY);
    must_answer(3, XK_NETIF_OKAY);
    assert_int_equal(backend->sent[0].length, 8196);
    assert_int_equal(backend->sent[0].sum, sum_of(DATA, 96, 4000) +
                                               sum_of(DATA + 1, 0, 4096) +
                                               sum_of(DATA + 2, 3996, 100));
}

static void
a_frame_of_65535_bytes_in_18_slots_is_the_largest(void **state)
{
    (void)state;
    connect_card();
    put(0, DATA, 0, 65535, MORE);
    for (uint16_t i = 1; i < XK_NETIF_SLOTS_MAX; i++)
        put(i, DATA + i, 0, 3641, i + 1 < XK_NETIF_SLOTS_MAX ? MORE : 0);
    netif_guest_push(guest);
    for (uint16_t i = 0; i < XK_NETIF_SLOTS_MAX; i++)
        must_answer(i, XK_NETIF_OKAY);
    assert_int_equal(backend->sent[0].length, 65535);
}

static void
segments_follow_the_first_slot_and_are_answered_with_null(void **state)
{
    (void)state;
    connect_card();
    put(5, DATA, 0, 4096 + 50, EXTRA | MORE | XK_NETIF_TX_CHECKSUM_MISSING);
    put_extra(XK_NETIF_EXTRA_GSO, 0, 1448, XK_NETIF_GSO_TCP4);
    put(6, DATA + 1, 0, 50, 0);
    netif_guest_push(guest);
    must_answer(5, XK_NETIF_OKAY);
    must_answer(0, XK_NETIF_NULL);
    must_answer(6, XK_NETIF_OKAY);
    assert_int_equal(backend->sent[0].segment_type, XK_FRAME_TCP4);
    assert_int_equal(backend->sent[0].segment_bytes, 1448);
    assert_true(backend->sent[0].checksum_missing);
}

static void
a_hash_is_a_hint_that_does_no_harm(void **state)
{
    (void)state;
    connect_card();
    put(5, DATA, 0, 60, EXTRA);
    put_extra(XK_NETIF_EXTRA_HASH, XK_NETIF_EXTRA_MORE, 0, 0);
    put_extra(XK_NETIF_EXTRA_GSO, 0, 1428, XK_NETIF_GSO_TCP6);
    netif_guest_push(guest);
    must_answer(5, XK_NETIF_OKAY);
    must_answer(0, XK_NETIF_NULL);
    must_answer(0, XK_NETIF_NULL);
    assert_int_equal(backend->sent[0].segment_type, XK_FRAME_TCP6);
}

static void
flags_of_the_checksum_reach_the_port(void **state)
{
    (void)state;
    connect_card();
    put(5, DATA, 0, 60, XK_NETIF_TX_CHECKSUM_GOOD | 0xfff0);
    netif_guest_push(guest);
    must_answer(5, XK_NETIF_OKAY);
    assert_true(backend->sent[0].checksum_good);
    assert_false(backend->sent[0].checksum_missing);
}

static void
slots_of_no_size_are_passed_over(void **state)
{
    (void)state;
    connect_card();
    put(1, DATA, 0, 60, MORE);
    put(2, 4000000000u, 4096, 0, MORE);
    put(3, DATA + 1, 10, 60, MORE);
    put(4, DATA, 0, 0, 0);
    netif_guest_push(guest);
    for (uint16_t i = 1; i <= 4; i++)
        must_answer(i, XK_NETIF_OKAY);
    assert_int_equal(backend->sent[0].sum, sum_of(DATA + 1, 10, 60));
}

static void
a_full_ring_is_answered_in_its_order_with_one_copy(void **state)
{
    (void)state;
    connect_card();
    for (uint16_t i = 0; i < XK_NETIF_ENTRIES; i++)
        put((uint16_t)(i * 7), DATA + i, 0, 4096, 0);
    netif_guest_push(guest);
    for (uint16_t i = 0; i < XK_NETIF_ENTRIES; i++)
        must_answer((uint16_t)(i * 7), XK_NETIF_OKAY);
    assert_int_equal(backend->sent_count, XK_NETIF_ENTRIES);
    for (uint16_t i = 0; i < XK_NETIF_ENTRIES; i++)
        assert_int_equal(backend->sent[i].sum, sum_of(DATA + i, 0, 4096));
    assert_int_equal(guest->memory->copy_calls, 1);
}

static void
indices_go_round_past_two_to_the_32(void **state)
{
    (void)state;
    start_again(UINT32_MAX - 5, all);
    connect_card();
    for (uint16_t round = 0; round < 20; round++) {
        put(round, DATA, 0, 5000, MORE);
        put((uint16_t)(round + 100), DATA + 1, 0, 3000, 0);
        netif_guest_push(guest);
        must_answer(round, XK_NETIF_OKAY);
        must_answer((uint16_t)(round + 100), XK_NETIF_OKAY);
    }
    assert_int_equal(backend->sent_count, 20);
}

static void
a_frontend_that_waits_for_each_answer_never_misses_an_event(void **state)
{
    (void)state;
    connect_card();
    for (uint16_t i = 0; i < 400; i++)
        must_serve(i);
    assert_true(netif_backend_stats(backend).notifies <= 400);
}

/* The event that the frontend asked for is the only one that it is sent. */
static void
events_that_the_frontend_has_not_asked_for_are_not_sent(void **state)
{
    uint64_t value;

    (void)state;
    connect_card();
    guest->tx.header->rsp_event = 4;
    for (uint16_t i = 0; i < 3; i++)
        put(i, DATA, 0, 60, 0);
    netif_guest_push(guest);
    for (int ms = 0;
         ms < NETIF_GUEST_WAIT_MS &&
         __atomic_load_n(&guest->tx.header->rsp_prod, __ATOMIC_ACQUIRE) != 3;
         ms++)
        poll(NULL, 0, 1);
    assert_int_equal(guest->tx.header->rsp_prod, 3);
    assert_int_equal(read(guest->to_guest, &value, sizeof(value)), -1);
    guest->tx.rsp_cons = 3;
    must_serve(9);
    assert_int_equal(netif_backend_stats(backend).notifies, 1);
}

static void
requests_to_receive_are_kept(void **state)
{
    const uint8_t entry[XK_NETIF_RX_BYTES] = {0};

    (void)state;
    for (unsigned i = 0; i < 200; i++)
        front_ring_put(&guest->rx, entry);
    (void)front_ring_push(&guest->rx);
    connect_card();
    must_serve(1);
    assert_int_equal(netif_backend_stats(backend).rx_requests, 200);
    assert_int_equal(guest->rx.header->rsp_prod, 0);
}

static void
what_is_sent_is_counted(void **state)
{
    struct xk_netif_stats stats;

    (void)state;
    connect_card();
    must_serve(1);
    must_serve(2);
    put(3, DATA, 0, 13, 0);
    netif_guest_push(guest);
    must_answer(3, XK_NETIF_ERROR);
    backend->port_drops = true;
    put(4, DATA, 0, 60, 0);
    netif_guest_push(guest);
    must_answer(4, XK_NETIF_DROPPED);
    stats = netif_backend_stats(backend);
    assert_int_equal(stats.tx_packets, 2);
    assert_int_equal(stats.tx_bytes, 120);
    assert_int_equal(stats.tx_dropped, 1);
    assert_int_equal(stats.errors, 1);
    assert_int_equal(stats.rx_packets, 0);
}

/* ---- the rate ---- */

static void
send_and_count(unsigned frames)
{
    for (unsigned i = 0; i < frames; i++)
        put((uint16_t)i, DATA + i, 0, 1000, 0);
    netif_guest_push(guest);
}

/* They are not dropped, and are not looked at all the time. */
static void
frames_above_the_rate_stay_in_the_ring_until_there_is_credit(void **state)
{
    struct xk_netif_rate rate;
    struct xk_netif_stats stats;

    (void)state;
    xk_netif_rate_init(&rate, 100500, UINT32_MAX, xk_now_ns());
    backend->device.rate = &rate;
    connect_card();
    send_and_count(150);
    for (uint16_t i = 0; i < 100; i++)
        must_answer(i, XK_NETIF_OKAY);
    must_be_quiet();
    stats = netif_backend_stats(backend);
    assert_int_equal(stats.tx_packets, 100);
    assert_int_equal(stats.tx_dropped, 0);
    assert_int_equal(stats.tx_delays, 1);
    assert_true(stats.rounds <= 4);
    pthread_mutex_lock(&rate.lock);
    rate.credit = 50000;
    pthread_mutex_unlock(&rate.lock);
    for (uint16_t i = 100; i < 150; i++)
        must_answer(i, XK_NETIF_OKAY);
}

static void
a_queue_wakes_by_itself_when_the_next_frame_has_credit(void **state)
{
    struct xk_netif_rate rate;
    struct xk_netif_stats stats;

    (void)state;
    xk_netif_rate_init(&rate, 2500, 1000, xk_now_ns());
    backend->device.rate = &rate;
    connect_card();
    send_and_count(200);
    for (uint16_t i = 0; i < 200; i++)
        must_answer(i, XK_NETIF_OKAY);
    stats = netif_backend_stats(backend);
    assert_true(stats.tx_delays > 1);
    assert_true(stats.rounds <= 2 * stats.tx_delays + 4);
    assert_int_equal(guest->memory->copy_calls, stats.copy_calls);
    assert_true(stats.copy_calls <= stats.tx_delays + 1);
}

static void
frames_that_fail_cost_no_credit(void **state)
{
    struct xk_netif_rate rate;

    (void)state;
    xk_netif_rate_init(&rate, 60, UINT32_MAX, xk_now_ns());
    backend->device.rate = &rate;
    connect_card();
    put(1, DATA, 0, 13, 0);
    put(2, DATA, 0, 60, MORE);
    put(3, DATA, 0, 61, 0);
    netif_guest_push(guest);
    for (uint16_t i = 1; i <= 3; i++)
        must_answer(i, XK_NETIF_ERROR);
    must_serve(4);
}

/* The rings that lie are found out, and let go of, all the same. */
static void
rings_are_looked_at_while_a_frame_waits_for_credit(void **state)
{
    struct xk_netif_rate rate;

    (void)state;
    xk_netif_rate_init(&rate, 1, UINT32_MAX, xk_now_ns());
    backend->device.rate = &rate;
    connect_card();
    put(1, DATA, 0, 60, 0);
    netif_guest_push(guest);
    must_be_quiet();
    guest->rx.header->req_prod = 257;
    netif_guest_ring_bell(guest);
    must_break("room");
}

/* ---- frames that fail alone ---- */

static void
frames_of_less_than_a_header_are_refused(void **state)
{
    static const uint16_t sizes[] = {0, 1, 13};

    (void)state;
    connect_card();
    for (uint16_t i = 0; i < XK_ARRAY_SIZE(sizes); i++) {
        put(i, DATA, 0, sizes[i], 0);
        netif_guest_push(guest);
        must_answer(i, XK_NETIF_ERROR);
    }
    assert_int_equal(backend->sent_count, 0);
    must_serve(9);
}

static void
slots_that_hold_more_than_the_frame_has_it_refused(void **state)
{
    (void)state;
    connect_card();
    put(1, DATA, 0, 100, MORE);
    put(2, DATA + 1, 0, 101, MORE);
    put(3, DATA + 2, 0, 4096, 0);
    netif_guest_push(guest);
    for (uint16_t i = 1; i <= 3; i++)
        must_answer(i, XK_NETIF_ERROR);
    must_serve(9);
}

static void
frames_of_19_to_21_slots_are_refused_slot_by_slot(void **state)
{
    (void)state;
    connect_card();
    for (uint16_t n = XK_NETIF_SLOTS_MAX + 1; n <= XK_NETIF_SLOTS_READ; n++) {
        for (uint16_t i = 0; i < n; i++)
            put(i, DATA + i, 0, i == 0 ? 2000 : 10, i + 1 < n ? MORE : 0);
        netif_guest_push(guest);
        for (uint16_t i = 0; i < n; i++)
            must_answer(i, XK_NETIF_ERROR);
    }
    assert_int_equal(backend->sent_count, 0);
    must_serve(99);
}

static void
a_grant_that_cannot_be_copied_fails_its_frame_only(void **state)
{
    (void)state;
    guest->memory->access[DATA + 1] = XK_MEMORY_NONE;
    connect_card();
    put(1, DATA, 0, 60, 0);
    put(2, DATA, 0, 4096, MORE);
    put(3, DATA + 1, 0, 100, 0);
    put(4, NETIF_GUEST_PAGES + 7, 0, 60, 0);
    put(5, DATA + 2, 0, 60, 0);
    netif_guest_push(guest);
    must_answer(1, XK_NETIF_OKAY);
    must_answer(2, XK_NETIF_ERROR);
    must_answer(3, XK_NETIF_ERROR);
    must_answer(4, XK_NETIF_ERROR);
    must_answer(5, XK_NETIF_OKAY);
    assert_int_equal(backend->sent_count, 2);
    assert_int_equal(backend->sent[1].sum, sum_of(DATA + 2, 0, 60));
}

static void
a_copy_that_fails_as_a_whole_fails_all_its_frames(void **state)
{
    (void)state;
    connect_card();
    guest->memory->copies_to_fail = 1;
    put(1, DATA, 0, 60, 0);
    put(2, DATA, 0, 60, 0);
    netif_guest_push(guest);
    must_answer(1, XK_NETIF_ERROR);
    must_answer(2, XK_NETIF_ERROR);
    must_serve(3);
}

/* ---- multicast, and the source address ---- */

static void
change_list(uint8_t type, uint8_t last, int16_t status)
{
    const uint8_t address[6] = {1, 0, 0x5e, 0, 0, last};

    put(type, DATA, 0, 60, EXTRA);
    netif_guest_put(guest, netif_multicast(type, 0, address));
    netif_guest_push(guest);
    must_answer(type, status);
    must_answer(0, XK_NETIF_NULL);
}

static void
a_list_has_room_for_64_multicast_addresses(void **state)
{
    (void)state;
    connect_card();
    for (uint8_t i = 0; i < 64; i++)
        change_list(XK_NETIF_EXTRA_MCAST_ADD, i, XK_NETIF_OKAY);
    change_list(XK_NETIF_EXTRA_MCAST_ADD, 64, XK_NETIF_ERROR);
    change_list(XK_NETIF_EXTRA_MCAST_ADD, 63, XK_NETIF_OKAY);
    change_list(XK_NETIF_EXTRA_MCAST_DEL, 200, XK_NETIF_OKAY);
    change_list(XK_NETIF_EXTRA_MCAST_ADD, 64, XK_NETIF_ERROR);
    change_list(XK_NETIF_EXTRA_MCAST_DEL, 7, XK_NETIF_OKAY);
    change_list(XK_NETIF_EXTRA_MCAST_ADD, 64, XK_NETIF_OKAY);
    assert_int_equal(backend->sent_count, 0);
    assert_int_equal(netif_backend_stats(backend).tx_packets, 0);
    assert_int_equal(netif_backend_stats(backend).errors, 2);
    assert_int_equal(guest->memory->copy_calls, 0);
    must_serve(9);
}

static void
a_change_of_the_list_that_is_more_than_that_is_refused(void **state)
{
    const uint8_t address[6] = {1, 0, 0x5e, 0, 0, 1};

    (void)state;
    connect_card();
    put(1, DATA, 0, 160, EXTRA | MORE);
    netif_guest_put(guest,
                    netif_multicast(XK_NETIF_EXTRA_MCAST_ADD, 0, address));
    put(2, DATA, 0, 60, 0);
    netif_guest_push(guest);
    must_answer(1, XK_NETIF_ERROR);
    must_answer(0, XK_NETIF_NULL);
    must_answer(2, XK_NETIF_ERROR);
    put(3, DATA, 0, 60, EXTRA);
    netif_guest_put(guest, netif_multicast(XK_NETIF_EXTRA_MCAST_ADD,
                                           XK_NETIF_EXTRA_MORE, address));
    netif_guest_put(guest,
                    netif_multicast(XK_NETIF_EXTRA_MCAST_DEL, 0, address));
    netif_guest_push(guest);
    must_answer(3, XK_NETIF_ERROR);
    must_answer(0, XK_NETIF_NULL);
    must_answer(0, XK_NETIF_NULL);
    assert_int_equal(backend->multicast.addresses[0], 0);
    must_serve(9);
}

static void
frames_from_another_address_are_dropped_if_that_is_asked_for(void **state)
{
    static const uint8_t mac[6] = {0, 0x16, 0x3e, 1, 2, 3};
    uint8_t *source = xk_memory_page(guest->memory, DATA) + 6;

    (void)state;
    backend->device.only_mac = mac;
    connect_card();
    memcpy(source, mac, sizeof(mac));
    must_serve(1);
    source[5] ^= 1;
    put(2, DATA, 0, 60, 0);
    netif_guest_push(guest);
    must_answer(2, XK_NETIF_DROPPED);
    assert_int_equal(backend->sent_count, 1);
    assert_int_equal(netif_backend_stats(backend).tx_spoofed, 1);
    assert_int_equal(netif_backend_stats(backend).tx_dropped, 0);
    assert_int_equal(netif_backend_stats(backend).tx_packets, 1);
}

static void
segments_that_are_not_offered_are_refused(void **state)
{
    (void)state;
    start_again(0, (struct xk_port_features){.segments_v6 = true});
    connect_card();
    for (uint8_t gso = XK_NETIF_GSO_TCP4; gso <= XK_NETIF_GSO_TCP6; gso++) {
        put(gso, DATA, 0, 60, EXTRA);
        put_extra(XK_NETIF_EXTRA_GSO, 0, 1448, gso);
        netif_guest_push(guest);
        must_answer(gso,
                    gso == XK_NETIF_GSO_TCP6 ? XK_NETIF_OKAY : XK_NETIF_ERROR);
        must_answer(0, XK_NETIF_NULL);
    }
}

/* ---- rings that lie ---- */

struct lie {
    const char *name, *word;
    struct netif_entry entries[4];
    unsigned count;
    bool endless_data, endless_extras;
};

static void
tell_lie(const struct lie *lie)
{
    for (unsigned i = 0; i < lie->count; i++)
        netif_guest_put(guest, lie->entries[i]);
    for (uint16_t i = 0; lie->endless_data && i < 100; i++)
        put(i, DATA, 0, i == 0 ? 5000 : 10, MORE);
    for (unsigned i = 0; lie->endless_extras && i < 100; i++)
        put_extra(XK_NETIF_EXTRA_HASH, XK_NETIF_EXTRA_MORE, 0, 0);
}

#define SLOT(...) netif_slot(__VA_ARGS__)

/* What came before the lie is answered, what it is part of is not. */
static void
must_be_caught(const struct lie *lie)
{
    print_message("  %s\n", lie->name);
    start_again(0, all);
    connect_card();
    put(50, DATA, 0, 60, 0);
    tell_lie(lie);
    netif_guest_push(guest);
    must_break(lie->word);
    must_answer(50, XK_NETIF_OKAY);
    must_be_quiet();
    assert_int_equal(backend->sent_count, 1);
}

static void
a_slot_that_goes_beyond_its_page_is_a_lie(void **state)
{
    const struct lie lies[] = {
        {"one byte", "page", {SLOT(1, DATA, 4083, 14, 0)}, 1, 0, 0},
        {"offset 65535", "page", {SLOT(1, DATA, 65535, 60, 0)}, 1, 0, 0},
        {"size 65535", "page", {SLOT(1, DATA, 0, 65535, 0)}, 1, 0, 0},
        {"in the second slot",
         "page",
         {SLOT(1, DATA, 0, 200, MORE), SLOT(2, DATA, 4000, 97, 0)},
         2,
         0,
         0},
        {"what the others leave",
         "page",
         {SLOT(1, DATA, 4000, 200, MORE), SLOT(2, DATA, 0, 100, 0)},
         2,
         0,
         0},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(lies); i++)
        must_be_caught(&lies[i]);
}

static void
extra_information_of_an_unknown_type_is_a_lie(void **state)
{
    static const uint8_t types[] = {0, 5, 6, 255};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(types); i++) {
        const struct lie lie = {
            "type",
            "unknown type",
            {SLOT(1, DATA, 0, 60, EXTRA), netif_extra(types[i], 0, 0, 0)},
            2,
            0,
            0};

        must_be_caught(&lie);
    }
}

static void
segments_of_an_unknown_type_or_of_no_size_are_a_lie(void **state)
{
    static const struct {
        uint16_t size;
        uint8_t type;
        const char *word;
    } rows[] = {
        {1448, 0, "unknown type"},
        {1448, 3, "unknown type"},
        {1448, 255, "unknown type"},
        {0, XK_NETIF_GSO_TCP4, "no size"},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        const struct lie lie = {
            "segments",
            rows[i].word,
            {SLOT(1, DATA, 0, 60, EXTRA),
             netif_extra(XK_NETIF_EXTRA_GSO, 0, rows[i].size, rows[i].type)},
            2,
            0,
            0};

        must_be_caught(&lie);
    }
}

static void
chains_that_the_producer_cuts_are_a_lie(void **state)
{
    const struct lie lies[] = {
        {"data", "ends before", {SLOT(1, DATA, 0, 60, MORE)}, 1, 0, 0},
        {"extra", "missing", {SLOT(1, DATA, 0, 60, EXTRA)}, 1, 0, 0},
        {"second extra",
         "missing",
         {SLOT(1, DATA, 0, 60, EXTRA),
          netif_extra(XK_NETIF_EXTRA_GSO, XK_NETIF_EXTRA_MORE, 1448, 1)},
         2,
         0,
         0},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(lies); i++)
        must_be_caught(&lies[i]);
}

static void
chains_without_end_are_a_lie(void **state)
{
    const struct lie lies[] = {
        {"data", "without end", {SLOT(0, 0, 0, 0, 0)}, 0, true, false},
        {"extras",
         "without end",
         {SLOT(1, DATA, 0, 60, EXTRA)},
         1,
         false,
         true},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(lies); i++)
        must_be_caught(&lies[i]);
}

static void
a_producer_that_runs_ahead_of_the_ring_is_a_lie(void **state)
{
    static const uint32_t lies[] = {257, 1000000, 0x80000000, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(lies); i++) {
        start_again(0, all);
        connect_card();
        guest->tx.header->req_prod = lies[i];
        netif_guest_ring_bell(guest);
        must_break("room");
        assert_int_equal(backend->sent_count, 0);
    }
}

static void
a_producer_of_the_receive_ring_that_runs_ahead_is_a_lie(void **state)
{
    (void)state;
    connect_card();
    guest->rx.header->req_prod = 257;
    netif_guest_ring_bell(guest);
    must_break("room");
}

static void
requests_taken_back_are_a_lie(void **state)
{
    (void)state;
    connect_card();
    must_serve(1);
    guest->tx.header->req_prod = 0;
    netif_guest_ring_bell(guest);
    must_break("room");
}

/* ---- connections ---- */

static void
must_not_connect(const char *word)
{
    assert_int_equal(netif_backend_connect(backend, false), XK_WORKER_FAILED);
    if (strstr(xk_worker_reason(backend->queue), word) == NULL)
        fail_msg("\"%s\" is not in: %s", word,
                 xk_worker_reason(backend->queue));
    assert_int_equal(guest->memory->maps, 0);
}

static void
rings_that_cannot_be_had_leave_nothing_mapped(void **state)
{
    (void)state;
    guest->id.tx_gref = 1000000;
    must_not_connect("not granted");
    guest->id.tx_gref = NETIF_GUEST_TX;
    guest->memory->access[NETIF_GUEST_RX] = XK_MEMORY_READ_ONLY;
    must_not_connect("not granted");
    guest->memory->access[NETIF_GUEST_RX] = XK_MEMORY_READ_WRITE;
    guest->id.tx_port = 0;
    must_not_connect("port 0");
    guest->id.tx_port = 7;
    guest->rx.header->req_prod = 300;
    must_not_connect("room");
    guest->rx.header->req_prod = 0;
    connect_card();
    must_serve(1);
}

static void
one_page_as_both_rings_does_no_harm(void **state)
{
    (void)state;
    guest->id.rx_gref = NETIF_GUEST_TX;
    connect_card();
    for (uint16_t i = 0; i < 100; i++)
        put(i, NETIF_GUEST_TX, 0, 60, 0);
    netif_guest_push(guest);
    for (uint16_t i = 0; i < 100; i++)
        must_answer(i, XK_NETIF_OKAY);
}

static void
a_ring_that_lied_is_let_go_of_and_another_one_served(void **state)
{
    (void)state;
    connect_card();
    guest->tx.header->req_prod = 5000;
    netif_guest_ring_bell(guest);
    must_break("room");
    netif_backend_stop(backend);
    front_ring_init(&guest->tx, xk_memory_page(guest->memory, NETIF_GUEST_TX),
                    PAGE, XK_NETIF_TX_BYTES, 0);
    connect_card();
    must_serve(1);
}

/* What a killed process had not answered is sent again, and what it answered is
 * not. It may have answered without an event. */
static void
whoever_takes_over_goes_on_behind_the_last_answer(void **state)
{
    uint64_t value = 0;

    (void)state;
    for (uint16_t i = 0; i < 5; i++)
        put(i, DATA + i, 0, 60, 0);
    netif_guest_push(guest);
    guest->tx.header->rsp_prod = guest->tx.rsp_cons = 3;
    assert_int_equal(netif_backend_connect(backend, true), XK_WORKER_RUNNING);
    assert_int_equal(read(guest->to_guest, &value, sizeof(value)),
                     sizeof(value));
    must_answer(3, XK_NETIF_OKAY);
    must_answer(4, XK_NETIF_OKAY);
    assert_int_equal(backend->sent_count, 2);
    assert_int_equal(backend->sent[0].sum, sum_of(DATA + 3, 0, 60));
}

/* Each ring has its own port, and whoever takes over sends an event to both. */
static void
whoever_takes_over_tells_the_ports_of_both_rings(void **state)
{
    (void)state;
    guest->id.rx_port = 8;
    assert_int_equal(netif_backend_connect(backend, true), XK_WORKER_RUNNING);
    assert_int_equal(guest->memory->notified[0], 1);
    assert_int_equal(guest->memory->notified[1], 1);
    netif_backend_stop(backend);
    guest->id.rx_port = 0;
    assert_int_equal(netif_backend_connect(backend, true), XK_WORKER_RUNNING);
    assert_int_equal(guest->memory->notified[0], 2);
    assert_int_equal(guest->memory->notified[1], 1);
}

static void
rings_are_let_go_of_without_waiting(void **state)
{
    (void)state;
    connect_card();
    must_serve(1);
    xk_worker_abandon(backend->queue, true);
    assert_int_equal(netif_backend_wait(backend, XK_WORKER_IDLE),
                     XK_WORKER_IDLE);
    assert_int_equal(guest->memory->maps, 0);
}

/* An answer lies where its request lay: one that is killed while it sends must
 * leave the requests. */
/* A part that crossed a page boundary of ours would be two copies. */
static void
a_page_of_a_frame_is_one_copy(void **state)
{
    (void)state;
    connect_card();
    put(0, DATA, 100, 66 + 596 + 3 * 4096 + 300, MORE);
    put(1, DATA + 1, 3500, 596, MORE);
    for (uint16_t i = 2; i < 5; i++)
        put(i, DATA + i, 0, 4096, MORE);
    put(5, DATA + 5, 0, 300, 0);
    netif_guest_push(guest);
    for (uint16_t i = 0; i < 6; i++)
        must_answer(i, XK_NETIF_OKAY);
    assert_int_equal(backend->sent_count, 1);
    assert_int_equal(guest->memory->copy_steps, 6);
}

static void
requests_stand_until_all_frames_of_a_round_are_sent(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 8; i++)
        put(i, DATA + i, 0, 60, 0);
    netif_guest_push(guest);
    connect_card();
    for (uint16_t i = 0; i < 8; i++)
        must_answer(i, XK_NETIF_OKAY);
    assert_int_equal(backend->sent_count, 8);
    for (unsigned i = 1; i < 8; i++)
        assert_int_equal(backend->sent[i].ring_sum, backend->sent[0].ring_sum);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_frame_of_one_slot_reaches_the_port_with_its_bytes),
        T(the_first_slot_holds_what_the_others_leave_of_the_size),
        T(a_frame_of_65535_bytes_in_18_slots_is_the_largest),
        T(segments_follow_the_first_slot_and_are_answered_with_null),
        T(a_hash_is_a_hint_that_does_no_harm),
        T(flags_of_the_checksum_reach_the_port),
        T(slots_of_no_size_are_passed_over),
        T(a_full_ring_is_answered_in_its_order_with_one_copy),
        T(indices_go_round_past_two_to_the_32),
        T(a_frontend_that_waits_for_each_answer_never_misses_an_event),
        T(events_that_the_frontend_has_not_asked_for_are_not_sent),
        T(requests_to_receive_are_kept),
        T(what_is_sent_is_counted),
        T(frames_above_the_rate_stay_in_the_ring_until_there_is_credit),
        T(a_queue_wakes_by_itself_when_the_next_frame_has_credit),
        T(frames_that_fail_cost_no_credit),
        T(rings_are_looked_at_while_a_frame_waits_for_credit),
        T(frames_of_less_than_a_header_are_refused),
        T(slots_that_hold_more_than_the_frame_has_it_refused),
        T(frames_of_19_to_21_slots_are_refused_slot_by_slot),
        T(a_grant_that_cannot_be_copied_fails_its_frame_only),
        T(a_copy_that_fails_as_a_whole_fails_all_its_frames),
        T(a_list_has_room_for_64_multicast_addresses),
        T(a_change_of_the_list_that_is_more_than_that_is_refused),
        T(frames_from_another_address_are_dropped_if_that_is_asked_for),
        T(segments_that_are_not_offered_are_refused),
        T(a_slot_that_goes_beyond_its_page_is_a_lie),
        T(extra_information_of_an_unknown_type_is_a_lie),
        T(segments_of_an_unknown_type_or_of_no_size_are_a_lie),
        T(chains_that_the_producer_cuts_are_a_lie),
        T(chains_without_end_are_a_lie),
        T(a_producer_that_runs_ahead_of_the_ring_is_a_lie),
        T(a_producer_of_the_receive_ring_that_runs_ahead_is_a_lie),
        T(requests_taken_back_are_a_lie),
        T(rings_that_cannot_be_had_leave_nothing_mapped),
        T(one_page_as_both_rings_does_no_harm),
        T(a_ring_that_lied_is_let_go_of_and_another_one_served),
        T(whoever_takes_over_goes_on_behind_the_last_answer),
        T(whoever_takes_over_tells_the_ports_of_both_rings),
        T(rings_are_let_go_of_without_waiting),
        T(a_page_of_a_frame_is_one_copy),
        T(requests_stand_until_all_frames_of_a_round_are_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
