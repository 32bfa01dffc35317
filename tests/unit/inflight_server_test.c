/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backends/device/inflight.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"

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
    xk_inflight_set_unflushed(log, true);
    xk_inflight_set_unflushed(log, false);
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
    xk_inflight_set_unflushed(log, true);
    xk_inflight_close(log);
    log = open_log();
    assert_false(xk_inflight_change_server(log, 7));
    assert_true(xk_inflight_change_server(log, 8));
    xk_inflight_close(log);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_new_log_has_lost_nothing),
        T(writes_that_were_flushed_outlive_their_server),
        T(writes_that_were_not_are_lost_with_their_server_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
