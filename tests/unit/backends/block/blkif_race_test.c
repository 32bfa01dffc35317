/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest overwrites its ring and its descriptor pages in a thread of its own
 * while the queue reads them (XSA-155). Whatever it writes, only its own pages
 * and its own disk may change. Run this with sanitizers.
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/fakes/blkif_guest.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

enum {
    SECONDS = 3
};

static struct blkif_guest *guest;
static _Atomic bool stop;

/* Returns values that often mean something: operations, counts, sectors,
 * grants. Grant 1 is left out: it is the ring itself, whose indices a read
 * would overwrite. */
static uint32_t
tempting(uint64_t random)
{
    static const uint32_t values[] = {
        0,    3,      0x0b00,     0xff00, 0x00010006, 0x01000006, 0x0b03, 5,
        0x07, 0x0700, 0xffffffff, 100,    101,        1u << 30,   0x0b01, 2};

    return values[random % (sizeof(values) / sizeof(values[0]))];
}

static void *
scribble(void *context)
{
    uint64_t random = 88172645463325252ull;
    volatile uint32_t *ring = (volatile uint32_t *)guest->pages;
    volatile uint32_t *descriptors =
        (volatile uint32_t *)blkif_guest_page(guest, 50);

    (void)context;
    while (!stop) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if (random % 3 == 0)
            descriptors[random / 16 % 1024] = tempting(random >> 32);
        else /* not the indices, which the honest thread writes */
            ring[16 + random / 16 % (1024 - 16)] = tempting(random >> 32);
    }
    return NULL;
}

/* Publish a valid request, for the other thread to spoil. */
static void
publish(uint32_t produced)
{
    struct blkif_bytes entry =
        produced % 3 == 0
            ? blkif_indirect(guest->abi, produced % 2, produced, 0, 20, 50)
            : blkif_direct(guest->abi, produced % 2, produced, 0, 11);

    if (produced % 64 == 0) {
        for (unsigned i = 0; i < 20; i++)
            blkif_put_descriptor(blkif_guest_page(guest, 50) + i * 8, 100 + i,
                                 0, 7);
    }
    guest->ring.req_prod = produced - 1;
    blkif_guest_put(guest, &entry);
    __atomic_store_n(&guest->ring.header->req_prod, produced, __ATOMIC_RELEASE);
    blkif_guest_ring_bell(guest);
}

/* Publish requests as fast as they are answered. */
static void
drive(struct blkif_backend *backend)
{
    int64_t end = xk_now_ns() + SECONDS * 1000000000ll;
    struct xk_blkif_stats stats;
    uint32_t produced = 0;

    while (xk_now_ns() < end) {
        uint32_t answered =
            __atomic_load_n(&guest->ring.header->rsp_prod, __ATOMIC_ACQUIRE);

        if (produced - answered < 32)
            publish(++produced);
    }
    xk_blkif_queue_stats(backend->queue, &stats);
    print_message("%u requests, %llu read, %llu written, %llu refused\n",
                  produced, (unsigned long long)stats.read_requests,
                  (unsigned long long)stats.write_requests,
                  (unsigned long long)stats.errors);
    assert_true(stats.errors > 100);
    assert_true(stats.read_requests > 100 && stats.write_requests > 100);
}

static void
a_ring_that_changes_while_it_is_read_does_no_harm(void **state)
{
    XK_CLEANUP_FREE char *folder = scratch_new();
    XK_CLEANUP_FREE char *path =
        blkif_image_new(folder, "image", 8 * 1024 * 1024);
    struct xk_engine_options options = {.path = path, .discard = true};
    struct blkif_backend *backend;
    struct xk_error err;
    pthread_t thread;

    (void)state;
    guest = blkif_guest_new(XK_BLKIF_X86_64, 1);
    backend = blkif_backend_new(guest, xk_file_engine_open(&options, &err));
    assert_int_equal(blkif_backend_connect(backend, false), XK_WORKER_RUNNING);
    assert_int_equal(pthread_create(&thread, NULL, scribble, NULL), 0);
    drive(backend);
    stop = true;
    pthread_join(thread, NULL);
    assert_int_equal(xk_worker_state(backend->queue), XK_WORKER_RUNNING);
    blkif_backend_stop(backend);
    blkif_backend_free(backend);
    blkif_guest_free(guest);
    scratch_free(XK_TAKE(folder));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_that_changes_while_it_is_read_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
