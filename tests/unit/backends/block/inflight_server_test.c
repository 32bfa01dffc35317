/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backends/block/inflight.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"

enum {
    ROUNDS = 100000
};

static char *folder;

static int
set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    scratch_free(folder);
    return 0;
}

static struct xk_inflight *
open_log(void)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/inflight", folder);
    struct xk_inflight_offer offer = {1, 0, 32};
    struct xk_inflight *log = xk_inflight_open(path, &offer, NULL);

    assert_non_null(log);
    return log;
}

static void
a_new_log_has_lost_nothing(void **state)
{
    struct xk_inflight *log = open_log();

    (void)state;
    assert_false(xk_inflight_change_server(log, 7));
    xk_inflight_close(log);
}

static void
writes_that_were_flushed_outlive_their_server(void **state)
{
    struct xk_inflight *log = open_log();

    (void)state;
    xk_inflight_change_server(log, 7);
    xk_inflight_note_write(log);
    xk_inflight_note_flush(log, xk_inflight_written(log));
    xk_inflight_close(log);
    log = open_log();
    assert_false(xk_inflight_change_server(log, 8));
    xk_inflight_close(log);
}

static void
writes_that_were_not_are_lost_with_their_server_only(void **state)
{
    struct xk_inflight *log = open_log();

    (void)state;
    xk_inflight_change_server(log, 7);
    xk_inflight_note_write(log);
    xk_inflight_close(log);
    log = open_log();
    assert_false(xk_inflight_change_server(log, 7));
    assert_true(xk_inflight_change_server(log, 8));
    xk_inflight_close(log);
}

static void
a_flush_forgets_no_write_that_came_after_it_began(void **state)
{
    struct xk_inflight *log = open_log();
    uint32_t none, one;

    (void)state;
    xk_inflight_change_server(log, 7);
    none = xk_inflight_written(log);
    xk_inflight_note_write(log);
    xk_inflight_note_flush(log, none);
    assert_true(xk_inflight_change_server(log, 8));
    one = xk_inflight_written(log);
    xk_inflight_note_flush(log, one);
    xk_inflight_note_write(log);
    xk_inflight_note_flush(log, one); /* an older flush that took longer */
    assert_true(xk_inflight_change_server(log, 9));
    xk_inflight_close(log);
}

/* ---- two queues at once ---- */

struct race {
    struct xk_inflight *log;
    pthread_barrier_t barrier;
    uint32_t covered; /* the last write that the round's flush covers */
};

static void *
flush_each_round(void *context)
{
    struct race *race = context;

    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&race->barrier);
        race->covered = xk_inflight_written(race->log);
        xk_inflight_note_flush(race->log, race->covered);
        pthread_barrier_wait(&race->barrier);
    }
    return NULL;
}

/* After its round, each write is noted as unflushed or was covered by the
 * flush. */
static void
a_write_of_one_queue_is_not_lost_to_a_flush_of_another(void **state)
{
    struct race race = {.log = open_log()};
    pthread_t thread;
    unsigned lost = 0;

    (void)state;
    pthread_barrier_init(&race.barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, flush_each_round, &race), 0);
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        pthread_barrier_wait(&race.barrier);
        xk_inflight_note_write(race.log);
        pthread_barrier_wait(&race.barrier);
        if (race.covered != i && xk_inflight_written(race.log) == 0)
            lost++;
    }
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&race.barrier);
    xk_inflight_close(race.log);
    assert_int_equal(lost, 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_new_log_has_lost_nothing),
        T(writes_that_were_flushed_outlive_their_server),
        T(writes_that_were_not_are_lost_with_their_server_only),
        T(a_flush_forgets_no_write_that_came_after_it_began),
        T(a_write_of_one_queue_is_not_lost_to_a_flush_of_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
