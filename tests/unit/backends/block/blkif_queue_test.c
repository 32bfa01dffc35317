/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frontend in plain memory, against a queue with its thread and an image. */
#include "backends/block/blkif_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/blkif_guest.h"
#include "tests/fakes/fake_engine.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

enum {
    IMAGE_BYTES = 8 * 1024 * 1024,
    DATA = BLKIF_GUEST_DATA,
};

static char *folder;
static struct blkif_guest *guest;
static struct blkif_backend *backend;
static int image_fd;

static struct xk_engine *
open_path(const char *path, bool read_only)
{
    struct xk_engine_options options = {.path = path,
                                        .read_only = read_only,
                                        .discard = true,
                                        .direct = true,
                                        .lock_deadline = xk_deadline_in_ms(0)};
    struct xk_error err;
    struct xk_engine *engine = xk_file_engine_open(&options, &err);

    assert_non_null(engine);
    image_fd = open(path, O_RDWR | O_CLOEXEC);
    return engine;
}

static struct xk_engine *
open_image(bool read_only)
{
    XK_CLEANUP_FREE char *path = blkif_image_new(folder, "image", IMAGE_BYTES);

    return open_path(path, read_only);
}

/* An image in memory, as on a tmpfs. */
static struct xk_engine *
open_image_in_memory(void)
{
    XK_CLEANUP_CLOSE int fd = memfd_create("image", MFD_CLOEXEC);
    char path[32];

    assert_int_equal(ftruncate(fd, IMAGE_BYTES), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open_path(path, false);
}

static void
connect_with(enum xk_blkif_abi abi, unsigned pages, struct xk_engine *engine)
{
    guest = blkif_guest_new(abi, pages);
    backend = blkif_backend_new(guest, engine);
    assert_int_equal(blkif_backend_connect(backend, false), XK_WORKER_RUNNING);
}

static int
set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    image_fd = -1;
    guest = NULL;
    backend = NULL;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    if (backend != NULL) {
        blkif_backend_stop(backend);
        blkif_backend_free(backend);
    }
    if (guest != NULL)
        blkif_guest_free(guest);
    if (image_fd != -1)
        close(image_fd);
    scratch_free(folder);
    return 0;
}

static void
fill(uint32_t gref, unsigned pages, unsigned seed)
{
    uint8_t *page = blkif_guest_page(guest, gref);

    for (unsigned i = 0; i < pages * XK_BLKIF_PAGE_BYTES; i++)
        page[i] = (uint8_t)((i * 2654435761u + seed) >> 11);
}

static void
assert_image_is(uint64_t offset, const void *data, size_t length)
{
    XK_CLEANUP_FREE void *found = xk_calloc(1, length);

    assert_int_equal(pread(image_fd, found, length, (off_t)offset), length);
    assert_memory_equal(found, data, length);
}

static void
set_descriptors(uint32_t gref, unsigned count, uint32_t first_data)
{
    for (unsigned i = 0; i < count; i++)
        blkif_put_descriptor(blkif_guest_page(guest, gref) + i * 8,
                             first_data + i, 0, 7);
}

static void
what_is_written_is_read_again_with_every_count_of_segments(void **state)
{
    (void)state;
    for (enum xk_blkif_abi abi = XK_BLKIF_NATIVE; abi < XK_BLKIF_ABI_COUNT;
         abi++) {
        connect_with(abi, 1, open_image(false));
        for (uint8_t n = 1; n <= 11; n++) {
            struct blkif_bytes write =
                blkif_direct(abi, XK_BLKIF_OP_WRITE, n, n * 100u, n);
            struct blkif_bytes read =
                blkif_direct(abi, XK_BLKIF_OP_READ, n, n * 100u, n);

            fill(DATA, n, n);
            assert_int_equal(blkif_guest_ask(guest, &write), XK_BLKIF_OK);
            assert_image_is(n * 51200u, blkif_guest_page(guest, DATA),
                            n * 4096u);
            memset(blkif_guest_page(guest, DATA), 0, 11 * 4096);
            assert_int_equal(blkif_guest_ask(guest, &read), XK_BLKIF_OK);
            assert_image_is(n * 51200u, blkif_guest_page(guest, DATA),
                            n * 4096u);
        }
        tear_down(state);
        set_up(state);
    }
}

static void
indirect_requests_carry_up_to_256_segments(void **state)
{
    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(false));
    set_descriptors(50, 256, DATA);
    for (unsigned n = 12; n <= 256; n += 61) {
        struct blkif_bytes write = blkif_indirect(
            XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, n, 8, (uint16_t)n, 50);
        struct blkif_bytes read = blkif_indirect(
            XK_BLKIF_X86_64, XK_BLKIF_OP_READ, n, 8, (uint16_t)n, 50);

        fill(DATA, n, n);
        assert_int_equal(blkif_guest_ask(guest, &write), XK_BLKIF_OK);
        assert_image_is(4096, blkif_guest_page(guest, DATA), n * 4096u);
        memset(blkif_guest_page(guest, DATA), 0, n * 4096u);
        assert_int_equal(blkif_guest_ask(guest, &read), XK_BLKIF_OK);
        assert_image_is(4096, blkif_guest_page(guest, DATA), n * 4096u);
    }
}

static void
parts_of_pages_reach_their_sectors_and_nothing_else(void **state)
{
    struct blkif_bytes entry;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(false));
    fill(DATA, 2, 3);
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 1, 11, 2);
    blkif_set_segment(XK_BLKIF_X86_64, &entry, 0, DATA, 3, 5);
    blkif_set_segment(XK_BLKIF_X86_64, &entry, 1, DATA + 1, 7, 7);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    assert_image_is(11 * 512, blkif_guest_page(guest, DATA) + 3 * 512, 1536);
    assert_image_is(14 * 512, blkif_guest_page(guest, DATA + 1) + 7 * 512, 512);
    memset(blkif_guest_page(guest, DATA + 5), 0xee, 4096);
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, 1, 11, 1);
    blkif_set_segment(XK_BLKIF_X86_64, &entry, 0, DATA + 5, 2, 3);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    for (unsigned i = 0; i < 4096; i++) {
        if (i < 1024 || i >= 2048)
            assert_int_equal(blkif_guest_page(guest, DATA + 5)[i], 0xee);
    }
    assert_image_is(11 * 512, blkif_guest_page(guest, DATA + 5) + 1024, 1024);
}

static void
a_full_ring_is_answered_whole_on_every_number_of_pages(void **state)
{
    static const unsigned pages[] = {1, 2, 4, 8, 16};

    (void)state;
    for (unsigned p = 0; p < 5; p++) {
        uint64_t sum = 0;

        connect_with(XK_BLKIF_X86_32, pages[p], open_image(false));
        for (unsigned round = 0; round < 3; round++) {
            for (uint32_t i = 0; i < guest->ring.entries; i++) {
                struct blkif_bytes entry = blkif_direct(
                    XK_BLKIF_X86_32,
                    i % 3 == 0 ? XK_BLKIF_OP_WRITE : XK_BLKIF_OP_READ, i + 1,
                    i * 8, 1);

                blkif_set_segment(XK_BLKIF_X86_32, &entry, 0, DATA + i, 0, 7);
                blkif_guest_put(guest, &entry);
            }
            blkif_guest_push(guest);
            for (uint32_t i = 0; i < guest->ring.entries; i++) {
                struct blkif_response response;

                assert_true(
                    blkif_guest_next(guest, &response, BLKIF_GUEST_WAIT_MS));
                assert_int_equal(response.status, XK_BLKIF_OK);
                sum += response.id;
            }
        }
        assert_int_equal(sum, 3ull * guest->ring.entries *
                                  (guest->ring.entries + 1) / 2);
        tear_down(state);
        set_up(state);
    }
}

static void
indexes_go_round_at_two_to_the_32(void **state)
{
    (void)state;
    guest = blkif_guest_new(XK_BLKIF_X86_64, 1);
    blkif_guest_reset_ring(guest, 0xfffffff0u);
    backend = blkif_backend_new(guest, open_image(false));
    assert_int_equal(blkif_backend_connect(backend, false), XK_WORKER_RUNNING);
    for (unsigned i = 0; i < 100; i++) {
        struct blkif_bytes entry =
            blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, i, i, 1);

        assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    }
}

static void
a_bad_request_fails_alone(void **state)
{
    struct blkif_bytes bad, good;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(false));
    set_descriptors(50, 20, DATA);
    for (unsigned k = 0; k < 11; k++) {
        bad = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 5, 0, 11);
        blkif_set_segment(XK_BLKIF_X86_64, &bad, k, 1u << 30, 0, 7);
        assert_int_equal(blkif_guest_ask(guest, &bad), XK_BLKIF_ERROR);
        bad.bytes[0] = XK_BLKIF_OP_READ;
        assert_int_equal(blkif_guest_ask(guest, &bad), XK_BLKIF_ERROR);
    }
    guest->memory->access[DATA + 3] = XK_MEMORY_READ_ONLY;
    bad = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, 6, 0, 11);
    assert_int_equal(blkif_guest_ask(guest, &bad), XK_BLKIF_ERROR);
    bad = blkif_indirect(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, 7, 0, 20, 1u << 31);
    assert_int_equal(blkif_guest_ask(guest, &bad), XK_BLKIF_ERROR);
    bad = blkif_direct(XK_BLKIF_X86_64, 200, 8, 0, 1);
    assert_int_equal(blkif_guest_ask(guest, &bad), XK_BLKIF_NOT_SUPPORTED);
    good = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 9, 0, 11);
    assert_int_equal(blkif_guest_ask(guest, &good), XK_BLKIF_OK);
}

static void
a_batch_with_good_and_bad_pages_fails_only_the_bad(void **state)
{
    struct blkif_response response;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(false));
    for (unsigned i = 0; i < 32; i++) {
        struct blkif_bytes entry = blkif_direct(
            XK_BLKIF_X86_64, i % 2 ? XK_BLKIF_OP_WRITE : XK_BLKIF_OP_READ, i,
            i * 8, 1);

        blkif_set_segment(XK_BLKIF_X86_64, &entry, 0,
                          i % 5 == 0 ? 99999 : DATA + i, 0, 7);
        blkif_guest_put(guest, &entry);
    }
    blkif_guest_push(guest);
    for (unsigned i = 0; i < 32; i++) {
        assert_true(blkif_guest_next(guest, &response, BLKIF_GUEST_WAIT_MS));
        assert_int_equal(response.status,
                         response.id % 5 == 0 ? XK_BLKIF_ERROR : XK_BLKIF_OK);
    }
}

static void
a_producer_index_beyond_the_ring_stops_the_queue(void **state)
{
    static const uint32_t lies[] = {33, 1000000, 0x80000000u, 0xffffffffu};

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        connect_with(XK_BLKIF_X86_64, 1, open_image(false));
        guest->ring.header->req_prod = lies[i];
        blkif_guest_ring_bell(guest);
        assert_int_equal(blkif_backend_wait(backend, XK_WORKER_BROKEN),
                         XK_WORKER_BROKEN);
        assert_non_null(strstr(xk_worker_reason(backend->queue), "claims"));
        tear_down(state); /* a broken queue can be stopped and unmaps all */
        set_up(state);
    }
}

static void
a_ring_that_is_not_granted_or_lies_at_once_is_refused(void **state)
{
    (void)state;
    guest = blkif_guest_new(XK_BLKIF_X86_64, 1);
    backend = blkif_backend_new(guest, open_image(false));
    guest->ring.header->req_prod = 33;
    assert_int_equal(blkif_backend_connect(backend, false), XK_WORKER_FAILED);
    assert_int_equal(guest->memory->maps, 0);
    guest->ring.header->req_prod = 0;
    guest->id.grefs[0] = 1u << 30;
    assert_int_equal(blkif_backend_connect(backend, false), XK_WORKER_FAILED);
    guest->id.grefs[0] = 1;
    guest->id.port = 0;
    assert_int_equal(blkif_backend_connect(backend, false), XK_WORKER_FAILED);
    assert_int_equal(guest->memory->maps, 0);
    guest->id.port = 3;
    assert_int_equal(blkif_backend_connect(backend, false), XK_WORKER_RUNNING);
}

static void
a_ring_that_is_its_own_data_page_harms_only_its_guest(void **state)
{
    struct blkif_bytes entry;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(false));
    /* Read zeros over the ring: afterwards its content is up to the guest. */
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, 1, 0, 1);
    blkif_set_segment(XK_BLKIF_X86_64, &entry, 0, 1, 0, 7);
    blkif_guest_put(guest, &entry);
    blkif_guest_push(guest);
    blkif_guest_ring_bell(guest);
    entry = blkif_indirect(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, 1, 0, 20, 1);
    blkif_guest_put(guest, &entry);
    blkif_guest_push(guest);
    blkif_guest_ring_bell(guest);
}

static void
a_disk_of_its_own_grant_twice_and_ids_twice_are_the_guests_own_affair(
    void **state)
{
    struct blkif_bytes entry;
    struct blkif_response response;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(false));
    for (unsigned i = 0; i < 8; i++) {
        entry =
            blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, UINT64_MAX, 0, 11);
        for (unsigned k = 0; k < 11; k++)
            blkif_set_segment(XK_BLKIF_X86_64, &entry, k, DATA, 0, 7);
        blkif_guest_put(guest, &entry);
    }
    blkif_guest_push(guest);
    for (unsigned i = 0; i < 8; i++) {
        assert_true(blkif_guest_next(guest, &response, BLKIF_GUEST_WAIT_MS));
        assert_int_equal(response.id, UINT64_MAX);
        assert_int_equal(response.status, XK_BLKIF_OK);
    }
}

static void
a_doorbell_in_a_loop_is_answered_ever_later(void **state)
{
    struct xk_blkif_stats stats;
    int64_t end;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(false));
    end = xk_now_ns() + 1000000000;
    while (xk_now_ns() < end)
        blkif_guest_ring_bell(guest);
    xk_blkif_queue_stats(backend->queue, &stats);
    /* 4 at once, then one after each of 1, 2, 4, ... 128 ms: not thousands. */
    assert_in_range(stats.events, 5, 30);
    /* The queue still works. */
    for (unsigned i = 0; i < 3; i++) {
        struct blkif_bytes entry =
            blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, 1, 0, 1);

        assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    }
}

static void
no_wakeup_is_lost_in_many_single_requests(void **state)
{
    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(false));
    for (unsigned i = 0; i < 20000; i++) {
        struct blkif_bytes entry =
            blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, i, i % 1000 * 8, 1);

        assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    }
}

static void
a_read_only_disk_refuses_writes(void **state)
{
    struct blkif_bytes entry;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(true));
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 1, 0, 1);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_ERROR);
    entry = blkif_discard(XK_BLKIF_X86_64, 1, 0, 8);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_NOT_SUPPORTED);
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, 1, 0, 1);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
}

static void
a_discard_makes_a_hole(void **state)
{
    static const uint8_t zeros[4096];
    struct blkif_bytes entry;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(false));
    fill(DATA, 11, 1);
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 1, 0, 11);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    entry = blkif_discard(XK_BLKIF_X86_64, 2, 8, 8);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    assert_image_is(4096, zeros, 4096);
    assert_image_is(8192, blkif_guest_page(guest, DATA + 2), 4096);
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 3, 8, 1);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    assert_image_is(4096, blkif_guest_page(guest, DATA), 4096);
}

static void
a_flush_with_data_flushes_first_and_then_writes(void **state)
{
    struct fake_engine *fake = fake_engine_new(IMAGE_BYTES);
    struct blkif_bytes entry;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, &fake->base);
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_FLUSH, 1, 0, 2);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    assert_string_equal(fake_engine_seen(fake), "FW");
}

static void
an_error_of_the_image_reaches_its_request_only(void **state)
{
    struct fake_engine *fake = fake_engine_new(IMAGE_BYTES);

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, &fake->base);
    for (unsigned i = 0; i < 20; i++) {
        struct blkif_bytes entry = blkif_direct(
            XK_BLKIF_X86_64, i % 2 ? XK_BLKIF_OP_READ : XK_BLKIF_OP_WRITE, i,
            i * 8, 1);

        fake->fail_next = i % 4 == 0 ? ENOSPC : i % 4 == 1 ? EIO : 0;
        assert_int_equal(blkif_guest_ask(guest, &entry),
                         i % 4 < 2 ? XK_BLKIF_ERROR : XK_BLKIF_OK);
    }
    assert_false(backend->device.poisoned);
}

static void
a_discard_that_the_image_cannot_do_is_not_supported(void **state)
{
    struct fake_engine *fake = fake_engine_new(IMAGE_BYTES);
    struct blkif_bytes entry = blkif_discard(XK_BLKIF_X86_64, 1, 0, 8);

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, &fake->base);
    fake->fail_next = EOPNOTSUPP;
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_NOT_SUPPORTED);
    fake->fail_next = EIO;
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_ERROR);
}

static void
a_failed_flush_is_never_answered_and_poisons_the_disk(void **state)
{
    struct fake_engine *fake = fake_engine_new(IMAGE_BYTES);
    struct blkif_bytes entry;
    struct blkif_response response;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, &fake->base);
    fake->fail_next = EIO;
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_FLUSH, 1, 0, 0);
    blkif_guest_put(guest, &entry);
    blkif_guest_push(guest);
    assert_false(blkif_guest_next(guest, &response, 300));
    assert_true(backend->device.poisoned);
    /* Reads and writes are refused, and no later flush succeeds. */
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 2, 0, 1);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_ERROR);
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, 3, 0, 1);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_ERROR);
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_FLUSH, 4, 0, 1);
    blkif_guest_put(guest, &entry);
    blkif_guest_push(guest);
    assert_false(blkif_guest_next(guest, &response, 300));
    assert_true(xk_inflight_is_poisoned(backend->device.log));
}

static void
requests_that_need_more_memory_than_there_is_wait_their_turn(void **state)
{
    struct fake_engine *fake = fake_engine_new(IMAGE_BYTES);
    struct blkif_response response;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, &fake->base);
    set_descriptors(50, 256, DATA);
    fake->hold = true;
    for (unsigned i = 0; i < 32; i++) {
        struct blkif_bytes entry = blkif_indirect(
            XK_BLKIF_X86_64, i % 2 ? XK_BLKIF_OP_READ : XK_BLKIF_OP_WRITE, i, 0,
            256, 50);

        blkif_guest_put(guest, &entry);
    }
    blkif_guest_push(guest);
    /* The requests need 32 MiB; the pool has 4. */
    assert_false(blkif_guest_next(guest, &response, 200));
    assert_int_equal(strlen(fake_engine_seen(fake)), 4);
    fake_engine_release(fake);
    for (unsigned i = 0; i < 32; i++) {
        assert_true(blkif_guest_next(guest, &response, BLKIF_GUEST_WAIT_MS));
        assert_int_equal(response.status, XK_BLKIF_OK);
    }
}

static void
answers_come_in_any_order(void **state)
{
    struct fake_engine *fake = fake_engine_new(IMAGE_BYTES);
    struct blkif_response response;
    uint64_t seen = 0;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, &fake->base);
    fake->hold = true;
    for (unsigned i = 0; i < 30; i++) {
        struct blkif_bytes entry =
            blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, i, i * 8, 1);

        blkif_guest_put(guest, &entry);
    }
    blkif_guest_push(guest);
    assert_false(blkif_guest_next(guest, &response, 100));
    fake->backwards = true;
    fake_engine_release(fake);
    for (unsigned i = 0; i < 30; i++) {
        assert_true(blkif_guest_next(guest, &response, BLKIF_GUEST_WAIT_MS));
        if (i == 0)
            assert_int_equal(response.id, 29);
        seen |= 1ull << response.id;
    }
    assert_int_equal(seen, (1ull << 30) - 1);
}

static void
stopping_waits_for_what_is_under_way_and_answers_it(void **state)
{
    struct fake_engine *fake = fake_engine_new(IMAGE_BYTES);
    struct blkif_bytes entry =
        blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 1, 0, 1);
    struct blkif_response response;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, &fake->base);
    fake->hold = true;
    blkif_guest_put(guest, &entry);
    blkif_guest_push(guest);
    assert_true(fake_engine_wait(fake, 1));
    xk_worker_stop(backend->queue, false);
    assert_int_equal(blkif_backend_wait(backend, XK_WORKER_STOPPING),
                     XK_WORKER_STOPPING);
    assert_int_equal(guest->memory->maps, 1);
    fake_engine_release(fake);
    assert_int_equal(blkif_backend_wait(backend, XK_WORKER_IDLE),
                     XK_WORKER_IDLE);
    assert_true(blkif_guest_next(guest, &response, 0));
    assert_int_equal(response.status, XK_BLKIF_OK);
}

static void
a_ring_is_abandoned_while_the_image_still_works(void **state)
{
    struct fake_engine *fake = fake_engine_new(IMAGE_BYTES);
    struct blkif_bytes entry =
        blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 1, 0, 1);
    struct blkif_response response;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, &fake->base);
    fake->hold = true;
    blkif_guest_put(guest, &entry);
    blkif_guest_push(guest);
    assert_true(fake_engine_wait(fake, 1));
    xk_worker_stop(backend->queue, true);
    assert_int_equal(blkif_backend_wait(backend, XK_WORKER_STOPPING),
                     XK_WORKER_STOPPING);
    xk_worker_abandon(backend->queue, false);
    assert_int_equal(blkif_backend_wait(backend, XK_WORKER_IDLE),
                     XK_WORKER_IDLE);
    assert_int_equal(guest->memory->maps, 0);
    assert_true(xk_inflight_is_open(xk_inflight_queue(backend->device.log, 0)));
    /* The image answers after all, but the ring is no longer ours. */
    fake_engine_release(fake);
    assert_false(blkif_guest_next(guest, &response, 100));
}

/* Otherwise a guest could not detach a disk that is taken away. */
static void
what_is_abandoned_for_good_has_failed_but_for_flushes(void **state)
{
    struct fake_engine *fake = fake_engine_new(IMAGE_BYTES);
    struct blkif_bytes write =
        blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 1, 0, 1);
    struct blkif_bytes flush =
        blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_FLUSH, 2, 0, 0);
    struct blkif_response response;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, &fake->base);
    fake->hold = true;
    blkif_guest_put(guest, &flush);
    blkif_guest_put(guest, &write);
    blkif_guest_push(guest);
    assert_true(fake_engine_wait(fake, 2));
    xk_worker_abandon(backend->queue, true);
    assert_int_equal(blkif_backend_wait(backend, XK_WORKER_IDLE),
                     XK_WORKER_IDLE);
    assert_true(blkif_guest_next(guest, &response, BLKIF_GUEST_WAIT_MS));
    assert_int_equal(response.id, 1);
    assert_int_equal(response.status, XK_BLKIF_ERROR);
    assert_false(blkif_guest_next(guest, &response, 100));
    fake_engine_release(fake);
}

static void
a_copy_that_fails_as_a_whole_fails_its_requests(void **state)
{
    struct fake_engine *fake = fake_engine_new(IMAGE_BYTES);
    struct blkif_bytes entry;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, &fake->base);
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 1, 0, 3);
    guest->memory->copies_to_fail = 1;
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_ERROR);
    entry.bytes[0] = XK_BLKIF_OP_READ;
    guest->memory->copies_to_fail = 1;
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_ERROR);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
}

static void
an_image_in_memory_that_cannot_be_touched_is_reached_by_calls(void **state)
{
    struct blkif_bytes entry;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image_in_memory());
    fill(DATA, 11, 9);
    entry = blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_WRITE, 1, 0, 11);
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    fill(DATA, 11, 10);
    guest->memory->copies_to_fail = 1;
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    assert_image_is(0, blkif_guest_page(guest, DATA), 11 * 4096);
    memset(blkif_guest_page(guest, DATA), 0, 11 * 4096);
    entry.bytes[0] = XK_BLKIF_OP_READ;
    guest->memory->copies_to_fail = 1;
    assert_int_equal(blkif_guest_ask(guest, &entry), XK_BLKIF_OK);
    assert_image_is(0, blkif_guest_page(guest, DATA), 11 * 4096);
}

static void
a_batch_of_reads_is_one_copy(void **state)
{
    struct blkif_response response;
    unsigned before;

    (void)state;
    connect_with(XK_BLKIF_X86_64, 1, open_image(false));
    for (unsigned i = 0; i < 32; i++) {
        struct blkif_bytes entry =
            blkif_direct(XK_BLKIF_X86_64, XK_BLKIF_OP_READ, i, i * 88, 11);

        blkif_guest_put(guest, &entry);
    }
    before = guest->memory->copy_calls;
    blkif_guest_push(guest);
    for (unsigned i = 0; i < 32; i++)
        assert_true(blkif_guest_next(guest, &response, BLKIF_GUEST_WAIT_MS));
    assert_in_range(guest->memory->copy_calls - before, 1, 2);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_is_written_is_read_again_with_every_count_of_segments),
        T(indirect_requests_carry_up_to_256_segments),
        T(parts_of_pages_reach_their_sectors_and_nothing_else),
        T(a_full_ring_is_answered_whole_on_every_number_of_pages),
        T(indexes_go_round_at_two_to_the_32),
        T(a_bad_request_fails_alone),
        T(a_batch_with_good_and_bad_pages_fails_only_the_bad),
        T(a_producer_index_beyond_the_ring_stops_the_queue),
        T(a_ring_that_is_not_granted_or_lies_at_once_is_refused),
        T(a_ring_that_is_its_own_data_page_harms_only_its_guest),
        T(a_disk_of_its_own_grant_twice_and_ids_twice_are_the_guests_own_affair),
        T(a_doorbell_in_a_loop_is_answered_ever_later),
        T(no_wakeup_is_lost_in_many_single_requests),
        T(a_read_only_disk_refuses_writes),
        T(a_discard_makes_a_hole),
        T(a_flush_with_data_flushes_first_and_then_writes),
        T(an_error_of_the_image_reaches_its_request_only),
        T(a_discard_that_the_image_cannot_do_is_not_supported),
        T(a_failed_flush_is_never_answered_and_poisons_the_disk),
        T(requests_that_need_more_memory_than_there_is_wait_their_turn),
        T(answers_come_in_any_order),
        T(stopping_waits_for_what_is_under_way_and_answers_it),
        T(a_ring_is_abandoned_while_the_image_still_works),
        T(what_is_abandoned_for_good_has_failed_but_for_flushes),
        T(a_copy_that_fails_as_a_whole_fails_its_requests),
        T(an_image_in_memory_that_cannot_be_touched_is_reached_by_calls),
        T(a_batch_of_reads_is_one_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
