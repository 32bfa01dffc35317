/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a journal does not say, and what cannot be finished. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/unit/toolstack/core_world.h"
#include "toolstack/domain.h"
#include "toolstack/find.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"

/* ---- what the journal does not say ---- */

/* Do to the journal of "a" what `damage` does, as the next verb finds it. */
static void
damage_journal(struct core_world *f, void (*damage)(int dirfd))
{
    struct xk_domain domain = core_find(f, "a");

    damage(domain.record->dir_fd);
    xk_domain_close(&domain);
    core_reopen(f);
}

static void
lose(int dirfd)
{
    assert_int_equal(unlinkat(dirfd, "journal", 0), 0);
}

static void
empty(int dirfd)
{
    int fd = openat(dirfd, "journal", O_WRONLY | O_TRUNC);

    assert_int_not_equal(fd, -1);
    close(fd);
}

static void
tear(int dirfd)
{
    int fd = openat(dirfd, "journal", O_WRONLY | O_TRUNC);

    assert_int_equal(write(fd, "0badc0de {\"kind\":\"be", 20), 20);
    close(fd);
}

static void (*const damages[])(int dirfd) = {lose, empty, tear};

static void
a_guest_whose_journal_is_lost_runs_on(void **context)
{
    struct core_world *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(damages); i++) {
        assert_int_equal(core_create(f, "a", ""), 0);
        damage_journal(f, damages[i]);
        core_assert_state(f, "a", XK_STATE_RUNNING);
        core_stop(f, "a", XK_STOP_REBOOT);
        assert_int_equal(core_apply(f, "a"), 0);
        core_assert_state(f, "a", XK_STATE_RUNNING);
        assert_int_equal(core_destroy(f, "a"), 0);
        core_assert_nothing_left(f);
    }
}

static void
a_stopped_guest_whose_journal_is_lost_is_kept(void **context)
{
    struct core_world *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(damages); i++) {
        assert_int_equal(core_create(f, "a", "on_poweroff = 'destroy'"), 0);
        core_stop(f, "a", XK_STOP_POWEROFF);
        damage_journal(f, damages[i]);
        assert_int_equal(core_apply(f, "a"), 0);
        core_assert_state(f, "a", XK_STATE_SHUTDOWN);
        assert_int_equal(core_destroy(f, "a"), 0);
        core_assert_nothing_left(f);
    }
}

static void
a_record_that_was_just_born_is_removed(void **context)
{
    struct core_world *f = *context;
    struct xk_record *record;
    struct xk_uuid uuid;

    xk_uuid_random(&uuid);
    record = xk_record_create(&f->host.state, &uuid, "fake", "create", &f->err);
    assert_non_null(record);
    xk_record_close(record);
    core_reopen(f);
    core_assert_nothing_left(f);
}

/* An entry with the times of another clock. */
static void
append_at(struct core_world *f, const char *kind, int64_t time_ms,
          int64_t boot_ms)
{
    struct xk_domain domain = core_find(f, "a");
    XK_CLEANUP_FREE char *text =
        xk_asprintf("{\"kind\":\"%s\",\"what\":\"restart\",\"time_ms\":%lld,"
                    "\"boot_ms\":%lld}",
                    kind, (long long)time_ms, (long long)boot_ms);
    int fd = openat(domain.record->dir_fd, "journal",
                    O_WRONLY | O_APPEND | O_CLOEXEC);

    assert_true(
        dprintf(fd, "%08x %s\n", xk_crc32c(0, text, strlen(text)), text) > 0);
    close(fd);
    xk_domain_close(&domain);
}

static int64_t
now_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ten starts at these times, and then another stop. */
static unsigned
starts_after(struct core_world *f, int64_t time_ms, int64_t boot_ms)
{
    struct xk_domain domain;
    unsigned starts;

    assert_int_equal(core_create(f, "a", ""), 0);
    for (int i = 0; i < 10; i++) {
        append_at(f, "begin", time_ms, boot_ms);
        append_at(f, "end", time_ms, boot_ms);
    }
    core_stop(f, "a", XK_STOP_REBOOT);
    assert_int_equal(core_apply(f, "a"), 0);
    domain = core_find(f, "a");
    starts = domain.starts;
    xk_domain_close(&domain);
    assert_int_equal(core_destroy(f, "a"), 0);
    return starts;
}

static void
a_loop_is_told_apart_though_the_wall_clock_steps(void **context)
{
    struct core_world *f = *context;
    int64_t wall = now_ms(CLOCK_REALTIME), boot = now_ms(CLOCK_BOOTTIME);
    const int64_t day = 86400000;

    assert_int_equal(starts_after(f, wall, 0), 11);
    assert_int_equal(starts_after(f, wall, boot + day), 11);
    assert_int_equal(starts_after(f, wall - day, boot), 10);
    assert_int_equal(starts_after(f, wall + day, boot), 10);
}

/* ---- what cannot be finished ---- */

static void
begin(struct core_world *f, const char *operation)
{
    struct xk_domain domain = core_find(f, "a");

    assert_int_equal(xk_journal_append(domain.record, XK_JOURNAL_BEGIN,
                                       operation, NULL, &f->err),
                     0);
    xk_domain_close(&domain);
}

static void
no_unfinished_operation_stands_in_the_way_of_destroy(void **context)
{
    static const char *const operations[] = {
        XK_OP_CREATE,  XK_OP_DESTROY, XK_OP_RENAME,  XK_OP_RESTART,
        XK_OP_REPLACE, XK_OP_SAVE,    XK_OP_MIGRATE, XK_OP_RECEIVE,
        XK_OP_EDIT,    XK_OP_DISKS,   XK_OP_RESET,   "future"};
    struct core_world *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(operations); i++) {
        assert_int_equal(core_create(f, "a", ""), 0);
        begin(f, operations[i]);
        assert_int_equal(core_destroy(f, "a"), 0);
        core_assert_nothing_left(f);
    }
}

static void
a_domain_in_doubt_can_be_destroyed(void **context)
{
    struct core_world *f = *context;
    struct xk_domain domain;

    assert_int_equal(core_create(f, "a", ""), 0);
    domain = core_find(f, "a");
    xk_journal_append(domain.record, XK_JOURNAL_BEGIN, XK_OP_MIGRATE,
                      "{\"move\":\"6f1c3f0e-9a3e-4b5c-8d2f-0123456789ab\"}",
                      &f->err);
    xk_journal_append(domain.record, XK_JOURNAL_NOTE, XK_NOTE_COMMIT, NULL,
                      &f->err);
    xk_domain_close(&domain);
    core_reopen(f);
    core_assert_state(f, "a", XK_STATE_IN_DOUBT);
    assert_int_equal(core_destroy(f, "a"), 0);
    core_assert_nothing_left(f);
}

static void
a_verb_that_is_refused_says_what_is_unfinished_and_how_to_end_it(void **context)
{
    struct core_world *f = *context;
    struct xk_domain domain;

    assert_int_equal(core_create(f, "a", ""), 0);
    begin(f, XK_OP_SAVE);
    domain = core_find(f, "a");
    assert_int_equal(xk_domain_pause(&f->host, &domain, core_soon(), &f->err),
                     -1);
    assert_int_equal(f->err.kind, XK_ERR_BUSY);
    assert_non_null(strstr(f->err.message, "its save, begun 20"));
    assert_non_null(strstr(f->err.message, "xk destroy a"));
    xk_domain_close(&domain);
}

static void
destroy_recorded(struct core_world *f)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    char text[XK_UUID_TEXT_SIZE];
    size_t count;

    assert_int_equal(xk_state_list(&f->host.state, &uuids, &count, &f->err), 0);
    for (size_t i = 0; i < count; i++) {
        xk_uuid_format(&uuids[i], text);
        assert_int_equal(core_destroy(f, text), 0);
    }
    core_assert_nothing_left(f);
}

/* Each call of the policy fails once. */
static void
a_rename_restart_that_fails_anywhere_can_be_ended(void **context)
{
    struct core_world *f = *context;
    bool failed = true;

    for (unsigned n = 1; failed; n++) {
        assert_int_equal(core_create(f, "a", "on_reboot = 'rename-restart'"),
                         0);
        core_stop(f, "a", XK_STOP_REBOOT);
        *xk_fake_faults(f->host.preferred) =
            (struct xk_fake_faults){.fail_at = n};
        core_apply(f, "a");
        failed = xk_fake_faults(f->host.preferred)->calls >= n;
        *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){0};
        assert_true(failed || n > 3);
        destroy_recorded(f);
    }
}

static void
a_domain_that_cannot_be_made_anew_is_kept_and_not_tried_again(void **context)
{
    struct core_world *f = *context;

    for (unsigned n = 2; n < 4; n++) {
        struct xk_domain_list list;

        assert_int_equal(core_create(f, "a", "on_reboot = 'rename-restart'"),
                         0);
        core_stop(f, "a", XK_STOP_REBOOT);
        *xk_fake_faults(f->host.preferred) =
            (struct xk_fake_faults){.fail_at = n};
        assert_int_equal(core_apply(f, "a"), 0);
        *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){0};
        core_reopen(f);
        assert_int_equal(xk_domain_list(&f->host, &list, core_soon(), &f->err),
                         0);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.items[0].state, XK_STATE_SHUTDOWN);
        xk_domain_list_free(&list);
        destroy_recorded(f);
    }
}

static void
a_domain_whose_configuration_is_lost_can_be_destroyed(void **context)
{
    struct core_world *f = *context;
    struct xk_domain domain;

    assert_int_equal(core_create(f, "a", ""), 0);
    domain = core_find(f, "a");
    assert_int_equal(unlinkat(domain.record->dir_fd, "config.json", 0), 0);
    assert_int_equal(core_destroy(f, domain.record->uuid_text), 0);
    xk_domain_close(&domain);
    core_assert_nothing_left(f);
}

/* Its machine is gone: the end of the record is noted before it is begun. */
static void
what_ends_a_domain_without_a_machine_is_noted_first(void **context)
{
    struct core_world *f = *context;
    struct xk_journal journal;
    struct xk_domain domain;

    assert_int_equal(core_create(f, "a", ""), 0);
    domain = core_find(f, "a");
    assert_int_equal(f->host.preferred->ops->domain->teardown(
                         f->host.preferred, &domain, core_soon(), &f->err),
                     0);
    *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){.fail_at = 1};
    assert_int_equal(core_apply(f, "a"), -1);
    assert_int_equal(xk_journal_read(domain.record, &journal, &f->err), 0);
    assert_non_null(xk_journal_unfinished(&journal));
    assert_string_equal(xk_journal_unfinished(&journal)->what, XK_OP_DESTROY);
    xk_journal_free(&journal);
    xk_domain_close(&domain);
    core_reopen(f);
    core_assert_nothing_left(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)
        T(a_guest_whose_journal_is_lost_runs_on),
        T(a_stopped_guest_whose_journal_is_lost_is_kept),
        T(a_record_that_was_just_born_is_removed),
        T(a_loop_is_told_apart_though_the_wall_clock_steps),
        T(no_unfinished_operation_stands_in_the_way_of_destroy),
        T(a_domain_in_doubt_can_be_destroyed),
        T(a_verb_that_is_refused_says_what_is_unfinished_and_how_to_end_it),
        T(a_rename_restart_that_fails_anywhere_can_be_ended),
        T(a_domain_that_cannot_be_made_anew_is_kept_and_not_tried_again),
        T(a_domain_whose_configuration_is_lost_can_be_destroyed),
        T(what_ends_a_domain_without_a_machine_is_noted_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
