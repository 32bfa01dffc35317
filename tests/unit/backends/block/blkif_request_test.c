/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/blkif_request.h"
#include "backends/ring/shared_ring.h"

#include <stdlib.h>
#include <string.h>
#if __has_include(<xen/io/blkif.h>)
#include <xenctrl.h>
#include <xen/io/blkif.h>
#define HAVE_XEN_HEADER 1
#endif

#include "tests/unit/backends/block/blkif_bytes.h"
#include "tests/unit/test.h"

#define EACH_ABI(abi)                                                          \
    for (enum xk_blkif_abi abi = XK_BLKIF_NATIVE; abi < XK_BLKIF_ABI_COUNT;    \
         abi++)

static struct xk_blkif_limits limits;
static struct xk_blkif_request request;

static int
set_up(void **state)
{
    (void)state;
    limits = (struct xk_blkif_limits){
        .sectors = 1000, .logical_sectors = 1, .discard = true};
    memset(&request, 0xa5, sizeof(request));
    return 0;
}

static int
judge(enum xk_blkif_abi abi, struct blkif_bytes entry)
{
    int status = xk_blkif_decode(abi, entry.bytes, &request);

    return status == XK_BLKIF_OK ? xk_blkif_check(&request, &limits) : status;
}

static void
every_field_is_found_in_every_layout(void **state)
{
    (void)state;
    EACH_ABI(abi)
    {
        struct blkif_bytes entry =
            blkif_direct(abi, XK_BLKIF_OP_WRITE, 0x1122334455667788, 77, 11);

        blkif_set_segment(abi, &entry, 10, 0xfffffffe, 2, 5);
        assert_int_equal(judge(abi, entry), XK_BLKIF_OK);
        assert_int_equal(request.id, 0x1122334455667788);
        assert_int_equal(request.operation, XK_BLKIF_OP_WRITE);
        assert_int_equal(request.sector, 77);
        assert_int_equal(request.sectors, 84);
        assert_int_equal(request.segments[0].gref, 100);
        assert_int_equal(request.segments[10].gref, 0xfffffffe);
        assert_int_equal(request.segments[10].first, 2);
        assert_int_equal(request.segments[10].last, 5);
    }
}

static void
layouts_are_those_of_the_public_header(void **state)
{
    (void)state;
#ifdef HAVE_XEN_HEADER
    const struct xk_blkif_layout *layout = xk_blkif_layout(XK_BLKIF_NATIVE);

    assert_int_equal(layout->id, offsetof(blkif_request_t, id));
    assert_int_equal(layout->sector, offsetof(blkif_request_t, sector_number));
    assert_int_equal(layout->segments, offsetof(blkif_request_t, seg));
    assert_int_equal(layout->indirect_grefs,
                     offsetof(blkif_request_indirect_t, indirect_grefs));
    assert_int_equal(layout->discard_sectors,
                     offsetof(blkif_request_discard_t, nr_sectors));
    assert_int_equal(layout->entry_bytes, sizeof(union blkif_sring_entry));
    assert_int_equal(layout->response_bytes, sizeof(blkif_response_t));
    assert_int_equal(XK_BLKIF_AT_RESPONSE_STATUS,
                     offsetof(blkif_response_t, status));
    assert_int_equal(XK_RING_HEADER_BYTES, offsetof(blkif_sring_t, ring));
    assert_int_equal(xk_blkif_ring_entries(XK_BLKIF_NATIVE, 1),
                     __CONST_RING_SIZE(blkif, 4096));
    assert_int_equal(xk_blkif_ring_entries(XK_BLKIF_NATIVE, 16),
                     __CONST_RING_SIZE(blkif, 65536));
#endif
}

static void
rings_have_the_entries_that_frontends_expect(void **state)
{
    (void)state;
    EACH_ABI(abi)
    {
        assert_int_equal(xk_blkif_ring_entries(abi, 1), 32);
        assert_int_equal(xk_blkif_ring_entries(abi, 2), 64);
        assert_int_equal(xk_blkif_ring_entries(abi, 4), 128);
        assert_int_equal(xk_blkif_ring_entries(abi, 8), 256);
        assert_int_equal(xk_blkif_ring_entries(abi, 16),
                         XK_BLKIF_RING_ENTRIES_MAX);
    }
}

static void
operations_that_are_not_offered_are_not_supported_by_their_own_number(
    void **state)
{
    (void)state;
    EACH_ABI(abi)
    {
        for (unsigned operation = 0; operation < 256; operation++) {
            int status =
                judge(abi, blkif_direct(abi, (uint8_t)operation, 9, 0, 1));

            if (operation == XK_BLKIF_OP_READ ||
                operation == XK_BLKIF_OP_WRITE ||
                operation == XK_BLKIF_OP_FLUSH ||
                operation == XK_BLKIF_OP_DISCARD ||
                operation == XK_BLKIF_OP_INDIRECT)
                continue;
            assert_int_equal(status, XK_BLKIF_NOT_SUPPORTED);
            assert_int_equal(request.operation, operation);
            assert_int_equal(request.id, 9);
        }
    }
}

static void
direct_requests_have_one_to_eleven_segments(void **state)
{
    (void)state;
    EACH_ABI(abi)
    {
        for (unsigned n = 0; n < 256; n++) {
            int expected = n >= 1 && n <= 11 ? XK_BLKIF_OK : XK_BLKIF_ERROR;

            assert_int_equal(judge(abi, blkif_direct(abi, XK_BLKIF_OP_READ, 1,
                                                     0, (uint8_t)n)),
                             expected);
            assert_int_equal(judge(abi, blkif_direct(abi, XK_BLKIF_OP_WRITE, 1,
                                                     0, (uint8_t)n)),
                             expected);
        }
    }
}

static void
a_flush_may_be_empty_wherever_its_sector_points(void **state)
{
    (void)state;
    EACH_ABI(abi)
    {
        assert_int_equal(
            judge(abi, blkif_direct(abi, XK_BLKIF_OP_FLUSH, 1, UINT64_MAX, 0)),
            XK_BLKIF_OK);
        assert_false(xk_blkif_has_data(&request));
        assert_int_equal(
            judge(abi, blkif_direct(abi, XK_BLKIF_OP_FLUSH, 1, 8, 11)),
            XK_BLKIF_OK);
        assert_true(xk_blkif_has_data(&request));
        assert_int_equal(
            judge(abi, blkif_direct(abi, XK_BLKIF_OP_FLUSH, 1, 8, 12)),
            XK_BLKIF_ERROR);
    }
}

static void
segments_lie_within_their_page(void **state)
{
    (void)state;
    EACH_ABI(abi)
    {
        for (unsigned first = 0; first < 256; first++) {
            for (unsigned last = 0; last < 256; last++) {
                struct blkif_bytes entry =
                    blkif_direct(abi, XK_BLKIF_OP_READ, 1, 0, 3);

                blkif_set_segment(abi, &entry, 1, 5, (uint8_t)first,
                                  (uint8_t)last);
                assert_int_equal(judge(abi, entry), first <= last && last < 8
                                                        ? XK_BLKIF_OK
                                                        : XK_BLKIF_ERROR);
            }
        }
    }
}

static void
nothing_reaches_past_the_end(void **state)
{
    static const struct {
        uint64_t sector;
        int expected;
    } cases[] = {
        {0, XK_BLKIF_OK},
        {992, XK_BLKIF_OK},
        {993, XK_BLKIF_ERROR},
        {1000, XK_BLKIF_ERROR},
        {1001, XK_BLKIF_ERROR},
        {UINT64_MAX, XK_BLKIF_ERROR},
        {UINT64_MAX - 7, XK_BLKIF_ERROR},
        {UINT64_MAX / 512, XK_BLKIF_ERROR},
        {(UINT64_MAX / 512) + 1, XK_BLKIF_ERROR},
    };

    (void)state;
    EACH_ABI(abi)
    {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            assert_int_equal(judge(abi, blkif_direct(abi, XK_BLKIF_OP_READ, 1,
                                                     cases[i].sector, 1)),
                             cases[i].expected);
            assert_int_equal(judge(abi, blkif_direct(abi, XK_BLKIF_OP_FLUSH, 1,
                                                     cases[i].sector, 1)),
                             cases[i].expected);
        }
    }
}

static void
sectors_are_of_512_bytes_whatever_the_logical_block(void **state)
{
    (void)state;
    limits.logical_sectors = 8;
    limits.sectors = 16;
    EACH_ABI(abi)
    {
        struct blkif_bytes entry =
            blkif_direct(abi, XK_BLKIF_OP_WRITE, 1, 8, 1);

        assert_int_equal(judge(abi, entry), XK_BLKIF_OK);
        assert_int_equal(request.sectors, 8);
        entry = blkif_direct(abi, XK_BLKIF_OP_WRITE, 1, 4, 1);
        assert_int_equal(judge(abi, entry), XK_BLKIF_ERROR);
        entry = blkif_direct(abi, XK_BLKIF_OP_WRITE, 1, 0, 1);
        blkif_set_segment(abi, &entry, 0, 5, 0, 3);
        assert_int_equal(judge(abi, entry), XK_BLKIF_ERROR);
    }
}

static void
a_read_only_disk_is_only_read(void **state)
{
    (void)state;
    limits.read_only = true;
    EACH_ABI(abi)
    {
        assert_int_equal(
            judge(abi, blkif_direct(abi, XK_BLKIF_OP_READ, 1, 0, 1)),
            XK_BLKIF_OK);
        assert_int_equal(
            judge(abi, blkif_direct(abi, XK_BLKIF_OP_FLUSH, 1, 0, 0)),
            XK_BLKIF_OK);
        assert_int_equal(
            judge(abi, blkif_direct(abi, XK_BLKIF_OP_WRITE, 1, 0, 1)),
            XK_BLKIF_ERROR);
        assert_int_equal(
            judge(abi, blkif_direct(abi, XK_BLKIF_OP_FLUSH, 1, 0, 1)),
            XK_BLKIF_ERROR);
        assert_int_equal(judge(abi, blkif_discard(abi, 1, 0, 8)),
                         XK_BLKIF_ERROR);
        assert_int_equal(
            judge(abi, blkif_indirect(abi, XK_BLKIF_OP_WRITE, 1, 0, 1, 7)),
            XK_BLKIF_ERROR);
    }
}

static void
a_discard_stays_inside_and_is_answered_alike_however_it_is_aligned(void **state)
{
    (void)state;
    EACH_ABI(abi)
    {
        assert_int_equal(judge(abi, blkif_discard(abi, 3, 1, 999)),
                         XK_BLKIF_OK);
        assert_int_equal(request.sectors, 999);
        assert_int_equal(judge(abi, blkif_discard(abi, 3, 0, 0)), XK_BLKIF_OK);
        assert_int_equal(judge(abi, blkif_discard(abi, 3, 2, 999)),
                         XK_BLKIF_ERROR);
        assert_int_equal(judge(abi, blkif_discard(abi, 3, 0, 1ull << 63)),
                         XK_BLKIF_ERROR);
        assert_int_equal(judge(abi, blkif_discard(abi, 3, 8, UINT64_MAX)),
                         XK_BLKIF_ERROR);
        limits.discard = false;
        assert_int_equal(judge(abi, blkif_discard(abi, 3, 0, 8)),
                         XK_BLKIF_NOT_SUPPORTED);
        limits.discard = true;
    }
}

static void
indirect_requests_have_what_is_advertised_and_no_more(void **state)
{
    (void)state;
    EACH_ABI(abi)
    {
        for (unsigned n = 0; n < 65536; n++) {
            struct blkif_bytes entry =
                blkif_indirect(abi, XK_BLKIF_OP_READ, 1, 0, (uint16_t)n, 40);
            int status = xk_blkif_decode(abi, entry.bytes, &request);

            assert_int_equal(status,
                             n >= 1 && n <= 256 ? XK_BLKIF_OK : XK_BLKIF_ERROR);
            assert_true(request.segment_count <= XK_BLKIF_MAX_SEGMENTS);
            assert_int_equal(xk_blkif_indirect_pages(&request),
                             status == XK_BLKIF_OK);
            assert_int_equal(request.operation, XK_BLKIF_OP_READ);
        }
        assert_int_equal(request.id, 1);
    }
}

static void
only_reads_and_writes_are_indirect(void **state)
{
    (void)state;
    EACH_ABI(abi)
    {
        for (unsigned operation = 2; operation < 256; operation++) {
            struct blkif_bytes entry =
                blkif_indirect(abi, (uint8_t)operation, 1, 0, 1, 40);

            assert_int_equal(xk_blkif_decode(abi, entry.bytes, &request),
                             XK_BLKIF_NOT_SUPPORTED);
            assert_int_equal(request.operation, operation);
            assert_int_equal(request.segment_count, 0);
        }
    }
}

static void
descriptor_pages_are_judged_like_segments(void **state)
{
    uint8_t page[XK_BLKIF_PAGE_BYTES];

    (void)state;
    memset(page, 0xff, sizeof(page));
    for (unsigned i = 0; i < 100; i++)
        blkif_put_descriptor(page + i * 8, i, 0, 7);
    EACH_ABI(abi)
    {
        struct blkif_bytes entry =
            blkif_indirect(abi, XK_BLKIF_OP_READ, 1, 8, 100, 40);

        assert_int_equal(xk_blkif_decode(abi, entry.bytes, &request),
                         XK_BLKIF_OK);
        assert_int_equal(request.indirect_grefs[0], 40);
        xk_blkif_decode_indirect(&request, 0, page);
        xk_blkif_decode_indirect(&request, 1, page); /* no such page */
        assert_int_equal(xk_blkif_check(&request, &limits), XK_BLKIF_OK);
        assert_int_equal(request.sectors, 800);
        assert_int_equal(request.segments[99].gref, 99);

        entry = blkif_indirect(abi, XK_BLKIF_OP_READ, 1, 8, 101, 40);
        assert_int_equal(xk_blkif_decode(abi, entry.bytes, &request),
                         XK_BLKIF_OK);
        xk_blkif_decode_indirect(&request, 0, page);
        assert_int_equal(xk_blkif_check(&request, &limits), XK_BLKIF_ERROR);
    }
}

static void
responses_carry_nothing_but_their_fields(void **state)
{
    (void)state;
    EACH_ABI(abi)
    {
        uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX];
        int16_t status;
        uint64_t id;

        memset(entry, 0xee, sizeof(entry));
        xk_blkif_encode_response(abi, 0x0102030405060708, 3, -2, entry);
        memcpy(&id, entry, sizeof(id));
        memcpy(&status, entry + 10, sizeof(status));
        assert_int_equal(id, 0x0102030405060708);
        assert_int_equal(entry[8], 3);
        assert_int_equal(status, -2);
        assert_int_equal(entry[9], 0);
        for (size_t i = 12; i < sizeof(entry); i++)
            assert_int_equal(entry[i], 0);
    }
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(every_field_is_found_in_every_layout),
        T(layouts_are_those_of_the_public_header),
        T(rings_have_the_entries_that_frontends_expect),
        T(operations_that_are_not_offered_are_not_supported_by_their_own_number),
        T(direct_requests_have_one_to_eleven_segments),
        T(a_flush_may_be_empty_wherever_its_sector_points),
        T(segments_lie_within_their_page),
        T(nothing_reaches_past_the_end),
        T(sectors_are_of_512_bytes_whatever_the_logical_block),
        T(a_read_only_disk_is_only_read),
        T(a_discard_stays_inside_and_is_answered_alike_however_it_is_aligned),
        T(indirect_requests_have_what_is_advertised_and_no_more),
        T(only_reads_and_writes_are_indirect),
        T(descriptor_pages_are_judged_like_segments),
        T(responses_carry_nothing_but_their_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
