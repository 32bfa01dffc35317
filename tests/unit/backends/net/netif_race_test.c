/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest overwrites the entries of both rings, and the pages that it sends, in
 * a thread of its own while the queue reads them (XSA-155). Whatever it writes,
 * only pages that it grants may change, and only its own connection may break.
 * Run this with sanitizers.
 */
#include "tests/unit/test.h"

#include <pthread.h>
#include <string.h>

#include "base/deadline.h"
#include "base/util.h"
#include "tests/fakes/netif_guest.h"

enum {
    SECONDS = 3,
    OUTSTANDING = 200, /* entries of a ring */
    IN_NETWORK = 8,    /* frames for the guest */
    KEPT_BACK = 400,   /* first of the pages that are not granted */
    CANARY = 0xa5,
    HEADER_WORDS = 16,
    PAGE_WORDS = XK_NETIF_PAGE_BYTES / 4,
};

static const struct xk_port_features all = {true, true, true, true};
static struct netif_guest *guest;
static struct netif_backend *backend;
static _Atomic bool stop;
static uint64_t random_state = 88172645463325252ull;
static uint32_t tx_offered, rx_offered;
static uint64_t delivered, connections;

/* Returns values that often mean something: flags, sizes, extra information,
 * grants. The rings' own pages are left out: frames in there would overwrite
 * the indexes. */
static uint32_t
tempting(uint64_t random)
{
    static const uint32_t values[] = {
        0,          60,         4096,       65535,  0xffffffff, 0x003c0000,
        0x003c0004, 0x003c0008, 0x10000004, 0x0101, 0x05b40101, 0x0001,
        10,         300,        KEPT_BACK,  511,    512,        0x0fff,
    };

    return values[random % XK_ARRAY_SIZE(values)];
}

static uint64_t
next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* The indexes are left to the honest thread. */
static void *
scribble(void *context)
{
    static const uint32_t pages[] = {NETIF_GUEST_TX, NETIF_GUEST_RX,
                                     NETIF_GUEST_DATA};

    (void)context;
    while (!stop) {
        uint64_t random = next_random();
        uint32_t page = pages[random % XK_ARRAY_SIZE(pages)];
        volatile uint32_t *words =
            (volatile uint32_t *)(void *)xk_memory_page(guest->memory, page);

        words[HEADER_WORDS + random / 16 % (PAGE_WORDS - HEADER_WORDS)] =
            tempting(random >> 32);
        for (volatile unsigned pause = random >> 56; pause > 0; pause--) {
        }
    }
    return NULL;
}

static uint32_t
answered(const struct front_ring *ring)
{
    return __atomic_load_n(&ring->header->rsp_prod, __ATOMIC_ACQUIRE);
}

static void
send_frame(void)
{
    if (tx_offered - answered(&guest->tx) > OUTSTANDING)
        return;
    netif_guest_put(guest, netif_slot((uint16_t)tx_offered, NETIF_GUEST_DATA, 0,
                                      1500, XK_NETIF_TX_MORE_DATA));
    netif_guest_put(guest, netif_slot((uint16_t)(tx_offered + 1),
                                      NETIF_GUEST_DATA + 1, 100, 900, 0));
    tx_offered += 2;
    (void)front_ring_push(&guest->tx);
}

static void
offer_page(void)
{
    if (rx_offered - answered(&guest->rx) > OUTSTANDING)
        return;
    netif_guest_offer(guest, (uint16_t)rx_offered,
                      NETIF_GUEST_DATA + 2 + rx_offered % 100);
    rx_offered++;
    (void)front_ring_push(&guest->rx);
}

static void
deliver_frame(void)
{
    const struct xk_netif_stats stats = netif_backend_stats(backend);
    const struct xk_frame frame = {.length = 60 + delivered % 9000};

    if (delivered - stats.rx_packets - stats.rx_dropped > IN_NETWORK)
        return;
    netif_backend_deliver(backend, &frame, (uint8_t)delivered);
    delivered++;
}

static void
drive_until(int64_t end)
{
    while (xk_now_ns() < end &&
           xk_worker_state(backend->queue) == XK_WORKER_RUNNING) {
        send_frame();
        offer_page();
        deliver_frame();
        netif_guest_ring_bell(guest);
    }
}

/* A connection, until the guest has broken it. */
static void
connect_and_spoil(int64_t end)
{
    pthread_t thread;

    front_ring_init(&guest->tx, xk_memory_page(guest->memory, NETIF_GUEST_TX),
                    XK_NETIF_PAGE_BYTES, XK_NETIF_TX_BYTES, 0);
    front_ring_init(&guest->rx, xk_memory_page(guest->memory, NETIF_GUEST_RX),
                    XK_NETIF_PAGE_BYTES, XK_NETIF_RX_BYTES, 0);
    tx_offered = rx_offered = 0;
    assert_int_equal(netif_backend_connect(backend, false), XK_WORKER_RUNNING);
    connections++;
    stop = false;
    assert_int_equal(pthread_create(&thread, NULL, scribble, NULL), 0);
    drive_until(end);
    stop = true;
    pthread_join(thread, NULL);
    netif_backend_stop(backend);
}

static void
keep_pages_back(void)
{
    for (uint32_t i = KEPT_BACK; i < NETIF_GUEST_PAGES; i++) {
        memset(xk_memory_page(guest->memory, i), CANARY, XK_NETIF_PAGE_BYTES);
        guest->memory->access[i] = XK_MEMORY_NONE;
    }
}

static void
must_be_kept_back(void)
{
    for (uint32_t i = KEPT_BACK; i < NETIF_GUEST_PAGES; i++) {
        const uint8_t *page = xk_memory_page(guest->memory, i);

        for (unsigned at = 0; at < XK_NETIF_PAGE_BYTES; at++)
            assert_int_equal(page[at], CANARY);
    }
}

static void
rings_that_change_while_they_are_read_do_no_harm(void **state)
{
    int64_t end = xk_now_ns() + SECONDS * INT64_C(1000000000);
    struct xk_netif_stats stats;

    (void)state;
    guest = netif_guest_new(0);
    backend = netif_backend_new(guest, all);
    keep_pages_back();
    while (xk_now_ns() < end)
        connect_and_spoil(end);
    stats = netif_backend_stats(backend);
    print_message(
        "%llu connections, %llu sent, %llu received, %llu refused, "
        "%llu not delivered\n",
        (unsigned long long)connections, (unsigned long long)stats.tx_packets,
        (unsigned long long)stats.rx_packets, (unsigned long long)stats.errors,
        (unsigned long long)stats.rx_dropped);
    must_be_kept_back();
    assert_true(connections > 10);
    assert_true(stats.tx_packets > 100 && stats.rx_packets > 100);
    assert_true(stats.errors > 10 && stats.rx_dropped > 10);
    netif_backend_free(backend);
    netif_guest_free(guest);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings_that_change_while_they_are_read_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
