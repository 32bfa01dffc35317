/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The in-flight log on a full file system. A store to memory that finds no
 * space would end this program. */
#include <stdlib.h>
#include <string.h>

#include "backends/block/blkif_queue.h"
#include "backends/block/inflight.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/fakes/small_disk.h"
#include "tests/unit/test.h"

enum {
    DISK_BYTES = 2 << 20,
    QUEUES = 4,
    ENTRIES = XK_BLKIF_RING_ENTRIES_MAX,
};

static char *folder, *disk, *path;
static struct xk_inflight *log_;
static struct xk_error err;
static const struct xk_blkif_ring_id id = {.pages = XK_BLKIF_RING_PAGES_MAX};

static int
set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    disk = xk_asprintf("%s/disk", folder);
    path = xk_asprintf("%s/inflight", disk);
    small_disk_mount(disk, DISK_BYTES);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_inflight_close(XK_TAKE(log_));
    small_disk_unmount(disk);
    free(path);
    free(disk);
    scratch_free(folder);
    return 0;
}

static struct xk_inflight *
open_log(unsigned queues)
{
    struct xk_inflight_offer offer = {queues, XK_BLKIF_RING_ORDER_MAX, 256};

    return xk_inflight_open(path, &offer, &err);
}

static void
fill_queue(unsigned number)
{
    struct xk_inflight_queue *queue = xk_inflight_queue(log_, number);
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX] = {XK_BLKIF_OP_WRITE};

    xk_inflight_begin(queue, &id, ENTRIES, 0);
    for (unsigned i = 0; i < ENTRIES; i++)
        xk_inflight_take(queue, i, i, entry);
    xk_inflight_commit(queue, ENTRIES);
}

static void
a_guest_that_connects_needs_no_more_room(void **state)
{
    (void)state;
    log_ = open_log(QUEUES);
    assert_non_null(log_);
    small_disk_fill(disk, 0);
    for (unsigned i = 0; i < QUEUES; i++)
        fill_queue(i);
    assert_false(xk_blkif_flush_is_lost(log_));
}

static void
a_lost_flush_is_looked_for_without_taking_room(void **state)
{
    (void)state;
    log_ = open_log(1);
    assert_non_null(log_);
    small_disk_fill(disk, 0);
    assert_false(xk_blkif_flush_is_lost(log_));
}

static void
a_log_that_finds_no_room_is_refused_and_made_once_there_is_some(void **state)
{
    (void)state;
    small_disk_fill(disk, 64 << 10);
    assert_null(open_log(QUEUES));
    assert_non_null(strstr(err.message, "No space left"));
    small_disk_empty(disk);
    log_ = open_log(QUEUES);
    assert_non_null(log_);
    assert_true(xk_inflight_is_new(log_));
}

static void
a_log_that_is_there_is_opened_on_a_full_file_system(void **state)
{
    (void)state;
    xk_inflight_close(open_log(QUEUES));
    small_disk_fill(disk, 0);
    log_ = open_log(1);
    assert_non_null(log_);
    assert_int_equal(xk_inflight_queues(log_), QUEUES);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_guest_that_connects_needs_no_more_room),
        T(a_lost_flush_is_looked_for_without_taking_room),
        T(a_log_that_finds_no_room_is_refused_and_made_once_there_is_some),
        T(a_log_that_is_there_is_opened_on_a_full_file_system),
    };

    if (!small_disk_can_mount())
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
