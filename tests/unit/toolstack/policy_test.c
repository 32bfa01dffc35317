/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of domains that stop by themselves. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/core_world.h"
#include "toolstack/find.h"
#include "toolstack/list.h"
#include "toolstack/record_config.h"

/* ---- policies ---- */

static void
a_poweroff_destroys_by_default(void **context)
{
    struct core_world *f = *context;

    assert_int_equal(core_create(f, "a", ""), 0);
    core_stop(f, "a", XK_STOP_POWEROFF);
    assert_int_equal(core_apply(f, "a"), 0);
    core_assert_nothing_left(f);
}

static void
a_reboot_restarts_by_default_with_the_same_uuid(void **context)
{
    struct core_world *f = *context;
    struct xk_domain before, now;

    assert_int_equal(core_create(f, "a", ""), 0);
    before = core_find(f, "a");
    core_stop(f, "a", XK_STOP_REBOOT);
    assert_int_equal(core_apply(f, "a"), 0);
    now = core_find(f, "a");
    assert_true(xk_uuid_equal(&before.uuid, &now.uuid));
    assert_int_equal(now.starts, 1);
    core_assert_state(f, "a", XK_STATE_RUNNING);
    xk_domain_close(&before);
    xk_domain_close(&now);
}

static void
a_preserved_domain_stays_as_it_is(void **context)
{
    struct core_world *f = *context;

    assert_int_equal(core_create(f, "a", "on_crash = 'preserve'"), 0);
    core_stop(f, "a", XK_STOP_CRASH);
    assert_int_equal(core_apply(f, "a"), 0);
    assert_int_equal(core_apply(f, "a"), 0);
    core_assert_state(f, "a", XK_STATE_CRASHED);
    assert_int_equal(core_destroy(f, "a"), 0);
    core_assert_nothing_left(f);
}

static void
a_coredump_is_written_before_the_domain_goes(void **context)
{
    struct core_world *f = *context;

    assert_int_equal(core_create(f, "a", "on_crash = 'coredump-destroy'"), 0);
    core_stop(f, "a", XK_STOP_CRASH);
    assert_int_equal(core_apply(f, "a"), 0);
    core_assert_nothing_left(f);
    assert_int_equal(scratch_count(f->host.state.lib_path, "dump"), 1);
}

/* Each is as large as the guest. */
static void
a_guest_that_crashes_again_and_again_leaves_few_coredumps(void **context)
{
    struct core_world *f = *context;
    XK_CLEANUP_FREE char *folder =
        xk_asprintf("%s/dump", f->host.state.lib_path);

    for (int i = 0; i < 8; i++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/a-20260101T00000%dZ.core", folder, i);

        assert_int_equal(xk_make_dirs(folder, 0700, &f->err), 0);
        assert_int_equal(xk_write_file(AT_FDCWD, path, "", 0, false, &f->err),
                         0);
    }
    assert_int_equal(core_create(f, "a", "on_crash = 'coredump-destroy'"), 0);
    assert_int_equal(core_create(f, "b", "on_crash = 'coredump-destroy'"), 0);
    core_stop(f, "a", XK_STOP_CRASH);
    core_stop(f, "b", XK_STOP_CRASH);
    assert_int_equal(core_apply(f, "a"), 0);
    assert_int_equal(scratch_count(f->host.state.lib_path, "dump"), 8);
    assert_int_equal(core_apply(f, "b"), 0); /* another guest has its own */
    assert_int_equal(scratch_count(f->host.state.lib_path, "dump"), 9);
    core_assert_nothing_left(f);
}

static void
a_rename_restart_keeps_the_old_under_another_name(void **context)
{
    struct core_world *f = *context;
    struct xk_domain_list list;

    assert_int_equal(core_create(f, "a", "on_reboot = 'rename-restart'"), 0);
    core_stop(f, "a", XK_STOP_REBOOT);
    assert_int_equal(core_apply(f, "a"), 0);
    core_assert_state(f, "a", XK_STATE_RUNNING);
    assert_int_equal(xk_domain_list(&f->host, &list, core_soon(), &f->err), 0);
    assert_int_equal(list.count, 2);
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(strncmp(list.items[i].name, "a", 1), 0);
        assert_int_equal(core_apply(f, list.items[i].name), 0);
    }
    xk_domain_list_free(&list);
    assert_int_equal(xk_fake_count(f->host.preferred), 2);
}

/* With a stamp behind it, it would be no name any more. */
static void
a_domain_with_a_long_name_is_kept_under_a_shorter_one(void **context)
{
    struct core_world *f = *context;
    struct xk_domain_list list;
    char name[127];

    memset(name, 'a', 99);
    for (size_t i = 99; i < 125; i += 2)
        memcpy(name + i, "\xc3\xa9", 2);
    strcpy(name + 125, "b");
    assert_int_equal(core_create(f, name, "on_crash = 'rename-restart'"), 0);
    core_stop(f, name, XK_STOP_CRASH);
    assert_int_equal(core_apply(f, name), 0);
    core_assert_state(f, name, XK_STATE_RUNNING);
    assert_int_equal(xk_domain_list(&f->host, &list, core_soon(), &f->err), 0);
    assert_int_equal(list.count, 2);
    for (size_t i = 0; i < list.count; i++) {
        XK_CLEANUP_RECORD struct xk_record *record =
            xk_record_open(&f->host.state, &list.items[i].uuid, &f->err);
        XK_CLEANUP_CONFIG struct xk_domain_config *config =
            xk_record_load_config(record, &f->err);

        assert_non_null(config);
        assert_int_equal(core_destroy(f, config->name), 0);
    }
    xk_domain_list_free(&list);
    core_assert_nothing_left(f);
}

static void
a_guest_that_reboots_in_a_loop_is_stopped(void **context)
{
    struct core_world *f = *context;
    int restarts = 0;

    assert_int_equal(core_create(f, "a", ""), 0);
    for (int i = 0; i < 20; i++) {
        struct xk_domain domain;

        core_stop(f, "a", XK_STOP_REBOOT);
        assert_int_equal(core_apply(f, "a"), 0);
        domain = core_find(f, "a");
        restarts = (int)domain.starts;
        xk_domain_close(&domain);
    }
    assert_int_equal(restarts, 10);
    core_assert_state(f, "a", XK_STATE_SHUTDOWN);
}

/* All that is kept of one guest takes room. */
static void
a_guest_that_is_made_anew_in_a_loop_is_kept(void **context)
{
    struct core_world *f = *context;
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count;

    assert_int_equal(core_create(f, "a", "on_crash = 'rename-restart'"), 0);
    for (int i = 0; i < 20; i++) {
        core_stop(f, "a", i % 3 == 0 ? XK_STOP_REBOOT : XK_STOP_CRASH);
        assert_int_equal(core_apply(f, "a"), 0);
    }
    /* Ten starts, four of them in place, and the one kept at last. */
    assert_int_equal(xk_state_list(&f->host.state, &uuids, &count, &f->err), 0);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < count; i++) {
        XK_CLEANUP_RECORD struct xk_record *record =
            xk_record_open(&f->host.state, &uuids[i], &f->err);
        XK_CLEANUP_CONFIG struct xk_domain_config *config =
            xk_record_load_config(record, &f->err);
        struct xk_domain domain =
            core_find(f, config->name); /* by one name, one */

        assert_true(xk_uuid_equal(&domain.uuid, &uuids[i]));
        xk_domain_close(&domain);
    }
}

static void
no_more_than_eight_of_a_guest_are_kept_beside_it(void **context)
{
    struct core_world *f = *context;

    assert_int_equal(core_create(f, "a", "on_crash = 'rename-restart'"), 0);
    for (unsigned i = 0; i < 9; i++) {
        core_stop(f, "a", XK_STOP_CRASH);
        assert_int_equal(core_apply(f, "a"), 0);
        core_assert_state(f, "a", XK_STATE_RUNNING);
        assert_int_equal(xk_fake_count(f->host.preferred), i < 8 ? i + 2 : 9);
    }
}

static void
a_restart_that_fails_is_not_tried_for_ever(void **context)
{
    struct core_world *f = *context;

    assert_int_equal(core_create(f, "a", ""), 0);
    core_stop(f, "a", XK_STOP_REBOOT);
    *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){.fail_at = 1};
    assert_int_equal(core_apply(f, "a"), -1);
    assert_int_equal(core_apply(f, "a"), 0);
    core_assert_state(f, "a", XK_STATE_SHUTDOWN);
    assert_int_equal(core_destroy(f, "a"), 0);
    core_assert_nothing_left(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)
        T(a_poweroff_destroys_by_default),
        T(a_reboot_restarts_by_default_with_the_same_uuid),
        T(a_preserved_domain_stays_as_it_is),
        T(a_coredump_is_written_before_the_domain_goes),
        T(a_guest_that_crashes_again_and_again_leaves_few_coredumps),
        T(a_rename_restart_keeps_the_old_under_another_name),
        T(a_domain_with_a_long_name_is_kept_under_a_shorter_one),
        T(a_guest_that_reboots_in_a_loop_is_stopped),
        T(a_guest_that_is_made_anew_in_a_loop_is_kept),
        T(no_more_than_eight_of_a_guest_are_kept_beside_it),
        T(a_restart_that_fails_is_not_tried_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
