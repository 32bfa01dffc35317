/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/inflight.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "backends/block/blkif_queue.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/backends/block/blkif_bytes.h"
#include "tests/unit/test.h"

enum {
    ENTRIES = 32
};

static char *folder, *path;
static struct xk_inflight *log_;
static struct xk_inflight_queue *queue;
static struct xk_error err;
static const struct xk_blkif_ring_id id = {
    .abi = 2, .pages = 1, .grefs = {8}, .port = 5};
static unsigned found_slots[ENTRIES];
static bool found_answered[ENTRIES];
static unsigned found;

static struct xk_inflight *
open_log(void)
{
    struct xk_inflight_offer offer = {4, 4, 256};

    return xk_inflight_open(path, &offer, &err);
}

static int
set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    path = xk_asprintf("%s/inflight", folder);
    log_ = open_log();
    assert_non_null(log_);
    queue = xk_inflight_queue(log_, 1);
    found = 0;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_inflight_close(log_);
    free(path);
    scratch_free(folder);
    return 0;
}

/* Open the log again, as another process would find it. */
static void
reopen(void)
{
    xk_inflight_close(log_);
    log_ = open_log();
    assert_non_null(log_);
    queue = xk_inflight_queue(log_, 1);
}

static void
begin_at(uint32_t index)
{
    xk_inflight_begin(queue, &id, ENTRIES, index);
}

static void
take(unsigned slot, uint32_t index)
{
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX];

    memset(entry, (int)slot, sizeof(entry));
    xk_inflight_take(queue, slot, index, entry);
}

static void
note(void *context, const struct xk_inflight_left *left)
{
    (void)context;
    assert_int_equal(left->entry[50], left->slot);
    found_slots[found] = left->slot;
    found_answered[found++] = left->answered;
}

static int
recover(uint32_t rsp_prod)
{
    uint32_t req_cons;

    found = 0;
    return xk_inflight_recover(queue, ENTRIES, rsp_prod, &req_cons, note, NULL);
}

static void
what_was_taken_and_committed_is_left(void **state)
{
    (void)state;
    begin_at(0xfffffffe); /* indices wrap around */
    take(3, 0xfffffffe);
    take(4, 0xffffffff);
    take(5, 0);
    xk_inflight_commit(queue, 1);
    take(6, 1); /* killed before the commit */
    reopen();
    assert_true(xk_inflight_is_of(queue, &id));
    assert_int_equal(recover(0xfffffffe), 3);
    assert_int_equal(found_slots[0], 3);
    assert_int_equal(found_slots[2], 5);
    assert_false(found_answered[0]);
}

static void
an_answer_that_was_shown_is_forgotten_and_one_that_was_not_is_kept(void **state)
{
    (void)state;
    begin_at(0);
    take(0, 0);
    take(1, 1);
    take(2, 2);
    xk_inflight_commit(queue, 3);
    xk_inflight_answer(queue, 2, 0, 0);
    xk_inflight_answer(queue, 0, 1, -1);
    reopen();
    /* One answer was published to the guest, the one of slot 2. */
    assert_int_equal(recover(1), 2);
    assert_int_equal(found_slots[0], 0);
    assert_true(found_answered[0]);
    assert_int_equal(found_slots[1], 1);
    assert_false(found_answered[1]);
}

static void
a_ring_that_contradicts_the_log_is_told(void **state)
{
    (void)state;
    begin_at(0);
    take(0, 0);
    take(1, 1);
    xk_inflight_commit(queue, 2);
    reopen();
    assert_int_equal(recover(1), -1);
    assert_int_equal(recover(5), -1);
    assert_int_equal(recover(0xfffffff0), -1);
    assert_int_equal(recover(0), 2);
}

static void
a_log_is_of_one_ring_until_it_is_ended(void **state)
{
    struct xk_blkif_ring_id other = id;

    (void)state;
    assert_true(xk_inflight_is_new(log_));
    begin_at(0);
    other.port = 6;
    assert_false(xk_inflight_is_of(queue, &other));
    reopen();
    assert_false(xk_inflight_is_new(log_));
    assert_true(xk_inflight_is_of(queue, &id));
    assert_false(xk_inflight_is_open(xk_inflight_queue(log_, 0)));
    xk_inflight_end(queue);
    assert_false(xk_inflight_is_of(queue, &id));
}

static void
what_was_offered_once_is_offered_for_ever(void **state)
{
    struct xk_inflight_offer offer = {1, 0, 11};
    struct xk_inflight *second = xk_inflight_open(path, &offer, &err);

    (void)state;
    assert_non_null(second);
    assert_int_equal(offer.queues, 4);
    assert_int_equal(offer.ring_order, 4);
    assert_int_equal(offer.segments, 256);
    xk_inflight_set_poisoned(second, true);
    xk_inflight_close(second);
    assert_true(xk_inflight_is_poisoned(log_));
}

static void
a_file_that_is_no_log_is_refused(void **state)
{
    struct xk_inflight_offer offer = {4, 4, 256};
    XK_CLEANUP_FREE char *other = xk_asprintf("%s/other", folder);

    (void)state;
    assert_int_equal(
        xk_write_file(AT_FDCWD, other, "no log at all", 13, false, &err), 0);
    assert_null(xk_inflight_open(other, &offer, &err));
    assert_int_equal(err.kind, XK_ERR_PROTOCOL);
    assert_non_null(strstr(err.message, other));
}

static void
take_at(unsigned slot, uint32_t index, uint8_t operation)
{
    struct blkif_bytes entry =
        blkif_direct((enum xk_blkif_abi)id.abi, operation, index, 0,
                     operation == XK_BLKIF_OP_FLUSH ? 0 : 1);

    xk_inflight_take(queue, slot, index, entry.bytes);
}

static void
a_flush_that_nobody_answered_is_found_whatever_became_of_its_ring(void **state)
{
    (void)state;
    begin_at(0);
    take_at(0, 0, XK_BLKIF_OP_WRITE);
    xk_inflight_commit(queue, 1);
    assert_false(xk_blkif_flush_is_lost(log_));
    take_at(1, 1, XK_BLKIF_OP_FLUSH);
    assert_false(xk_blkif_flush_is_lost(log_)); /* still in the ring */
    xk_inflight_commit(queue, 2);
    reopen();
    assert_true(xk_blkif_flush_is_lost(log_));
    xk_inflight_answer(queue, 1, 0, 0);
    assert_false(xk_blkif_flush_is_lost(log_));
    take_at(2, 2, XK_BLKIF_OP_FLUSH);
    xk_inflight_commit(queue, 3);
    xk_inflight_end(queue);
    assert_false(xk_blkif_flush_is_lost(log_));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_was_taken_and_committed_is_left),
        T(an_answer_that_was_shown_is_forgotten_and_one_that_was_not_is_kept),
        T(a_ring_that_contradicts_the_log_is_told),
        T(a_log_is_of_one_ring_until_it_is_ended),
        T(what_was_offered_once_is_offered_for_ever),
        T(a_file_that_is_no_log_is_refused),
        T(a_flush_that_nobody_answered_is_found_whatever_became_of_its_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
