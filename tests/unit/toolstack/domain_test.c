/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations against a fake hypervisor, with every call of it failing and every
 * call of it the last before a kill. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/core_world.h"
#include "toolstack/create.h"
#include "toolstack/domain.h"
#include "toolstack/edit_disks.h"
#include "toolstack/find.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"
#include "toolstack/record_config.h"
#include "toolstack/rename.h"
#include "toolstack/reset.h"

/* ---- operations ---- */

static void
a_created_domain_runs_and_a_destroyed_one_leaves_nothing(void **context)
{
    struct core_world *f = *context;

    assert_int_equal(core_create(f, "a", ""), 0);
    core_assert_state(f, "a", XK_STATE_RUNNING);
    assert_int_equal(core_destroy(f, "a"), 0);
    core_assert_nothing_left(f);
    assert_int_equal(core_destroy(f, "a"), -1);
    assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
}

static void
a_name_is_taken_once(void **context)
{
    struct core_world *f = *context;

    assert_int_equal(core_create(f, "a", ""), 0);
    assert_int_equal(core_create(f, "a", ""), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(xk_fake_count(f->host.preferred), 1);
}

static void
a_uuid_is_taken_once(void **context)
{
    struct core_world *f = *context;
    const char *uuid = "uuid = '6f1c3f0e-9a3e-4b5c-8d2f-0123456789ab'";

    assert_int_equal(core_create(f, "a", uuid), 0);
    assert_int_equal(core_create(f, "b", uuid), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(xk_fake_count(f->host.preferred), 1);
}

static void
a_domain_is_found_by_name_and_by_uuid(void **context)
{
    struct core_world *f = *context;
    struct xk_domain domain;

    assert_int_equal(
        core_create(f, "a", "uuid = '6f1c3f0e-9a3e-4b5c-8d2f-0123456789ab'"),
        0);
    domain = core_find(f, "6F1C3F0E-9A3E-4B5C-8D2F-0123456789AB");
    assert_string_equal(domain.name, "a");
    xk_domain_close(&domain);
}

static void
a_renamed_domain_answers_to_its_new_name_only(void **context)
{
    struct core_world *f = *context;
    struct xk_domain domain;

    assert_int_equal(core_create(f, "a", ""), 0);
    assert_int_equal(core_create(f, "c", ""), 0);
    domain = core_find(f, "a");
    assert_int_equal(
        xk_domain_rename(&f->host, &domain, "c", core_soon(), &f->err), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(
        xk_domain_rename(&f->host, &domain, "x/y", core_soon(), &f->err), -1);
    assert_int_equal(
        xk_domain_rename(&f->host, &domain, "b", core_soon(), &f->err), 0);
    /* By its UUID, after a kill: what was done is done. */
    assert_int_equal(
        xk_domain_rename(&f->host, &domain, "b", core_soon(), &f->err), 0);
    xk_domain_close(&domain);
    core_assert_state(f, "b", XK_STATE_RUNNING);
    assert_int_equal(
        xk_domain_find(&f->host, "a", &domain, core_soon(), &f->err), -1);
}

static void
a_stopped_domain_cannot_be_paused(void **context)
{
    struct core_world *f = *context;
    struct xk_domain domain;

    assert_int_equal(core_create(f, "a", ""), 0);
    core_stop(f, "a", XK_STOP_POWEROFF);
    domain = core_find(f, "a");
    assert_int_equal(xk_domain_pause(&f->host, &domain, core_soon(), &f->err),
                     -1);
    assert_int_equal(f->err.kind, XK_ERR_STATE);
    xk_domain_close(&domain);
}

static void
a_create_that_fails_at_any_call_leaves_nothing(void **context)
{
    struct core_world *f = *context;
    unsigned n = 0;

    do {
        struct xk_fake_faults *faults = xk_fake_faults(f->host.preferred);

        *faults = (struct xk_fake_faults){.fail_at = ++n};
        if (core_create(f, "a", "") == 0)
            break;
        core_assert_nothing_left(f);
    } while (n < 50);
    assert_in_range(n, 3, 49);
}

/* Its machine is gone, but who removes it has not done with it: as long as the
 * pipe is open. */
static void
remove_slowly(struct core_world *f, int removed, int go_on)
{
    struct xk_domain domain = core_find(f, "a");
    char byte;

    if (xk_record_lock(domain.record, "test", core_soon(), NULL) == -1 ||
        f->host.preferred->ops->domain->teardown(f->host.preferred, &domain,
                                                 core_soon(), NULL) == -1)
        _exit(1);
    close(removed);
    (void)!read(go_on, &byte, 1);
    _exit(xk_record_remove(domain.record, NULL) == 0 ? 0 : 1);
}

static void *
let_go(void *context)
{
    const struct timespec while_it_waits = {.tv_nsec = 100 * 1000 * 1000};

    nanosleep(&while_it_waits, NULL);
    close(*(int *)context);
    return NULL;
}

static void
a_name_that_is_being_given_back_is_waited_for(void **context)
{
    struct core_world *f = *context;
    int removed[2], go_on[2], status;
    pthread_t thread;
    char byte;
    pid_t pid;

    assert_int_equal(core_create(f, "a", ""), 0);
    assert_int_equal(pipe(removed), 0);
    assert_int_equal(pipe(go_on), 0);
    pid = fork();
    if (pid == 0) {
        close(go_on[1]);
        remove_slowly(f, removed[1], go_on[0]);
    }
    close(removed[1]);
    assert_int_equal(read(removed[0], &byte, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, let_go, &go_on[1]), 0);
    assert_int_equal(core_create(f, "a", ""), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(removed[0]);
    close(go_on[0]);
    core_assert_state(f, "a", XK_STATE_RUNNING);
    assert_int_equal(xk_fake_count(f->host.preferred), 1);
}

static void
a_name_of_a_preserved_domain_is_not_waited_for(void **context)
{
    struct core_world *f = *context;
    struct xk_deadline start = xk_deadline_in_ms(1500);

    assert_int_equal(core_create(f, "a", "on_crash = 'preserve'"), 0);
    core_stop(f, "a", XK_STOP_CRASH);
    assert_int_equal(core_apply(f, "a"), 0);
    assert_int_equal(core_create(f, "a", ""), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_not_equal(xk_deadline_left_ms(start), 0);
}

/* ---- kills ---- */

typedef int action(struct core_world *f);

static int
kill_create(struct core_world *f)
{
    return core_create(f, "a", "");
}

static int
kill_destroy(struct core_world *f)
{
    return core_destroy(f, "a");
}

static int
kill_policy(struct core_world *f)
{
    return core_apply(f, "a");
}

/* Run it in a process that is killed at its nth call. False if it was not. */
static bool
killed(struct core_world *f, action *act, unsigned n, bool after)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct xk_fake_faults *faults = xk_fake_faults(f->host.preferred);

        *faults = (struct xk_fake_faults){0};
        if (after)
            faults->killed_after = n;
        else
            faults->killed_at = n;
        _exit(act(f) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_not_equal(WEXITSTATUS(status), 1);
    return WEXITSTATUS(status) == 9;
}

/* Once its last call has been begun, its guest may have run. */
static void
a_create_killed_at_any_call_is_undone_or_its_guest_runs(void **context)
{
    struct core_world *f = *context;
    unsigned undone = 0, finished = 0;

    for (unsigned n = 1; n < 50; n++) {
        for (int after = 0; after < 2; after++) {
            if (!killed(f, kill_create, n, after == 1)) {
                assert_int_equal(undone, 2);
                assert_int_equal(finished, 2);
                return;
            }
            core_reopen(f);
            if (xk_fake_count(f->host.preferred) > 0) {
                core_assert_state(f, "a", XK_STATE_RUNNING);
                finished++;
            } else {
                core_assert_nothing_left(f);
                assert_int_equal(core_create(f, "a", ""), 0);
                undone++;
            }
            assert_int_equal(core_destroy(f, "a"), 0);
            core_assert_nothing_left(f);
        }
    }
}

/* The answer of a hypervisor that hung came too late, or none did. */
static void
a_create_whose_guest_was_told_to_run_is_never_undone(void **context)
{
    struct core_world *f = *context;
    const unsigned start = 2; /* the call after the build */

    *xk_fake_faults(f->host.preferred) =
        (struct xk_fake_faults){.late_at = start};
    assert_int_equal(core_create(f, "a", ""), -1);
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
    assert_non_null(strstr(f->err.message, "is kept"));
    *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){0};
    xk_fake_go_on(f->host.preferred);
    core_assert_state(f, "a", XK_STATE_RUNNING);
    core_reopen(f);
    core_assert_state(f, "a", XK_STATE_RUNNING);
    assert_int_equal(core_destroy(f, "a"), 0);
    core_assert_nothing_left(f);

    *xk_fake_faults(f->host.preferred) =
        (struct xk_fake_faults){.unheard_at = start};
    assert_int_equal(core_create(f, "a", ""), 0);
    core_assert_state(f, "a", XK_STATE_RUNNING);
    assert_int_equal(core_destroy(f, "a"), 0);
    core_assert_nothing_left(f);
}

static void
a_create_whose_guest_was_not_told_to_run_is_undone(void **context)
{
    struct core_world *f = *context;

    *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){.stops_at = 2};
    assert_int_equal(core_create(f, "a", ""), -1);
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
    core_assert_nothing_left(f);
}

/* A process that it had forked holds the lock for a moment more. */
static void
kill_create_that_has_forked(struct core_world *f)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = core_config_of("a", "");
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (xk_operation_reserve(&f->host, f->host.preferred, config,
                                 XK_OP_CREATE, NULL, core_soon(), NULL) == NULL)
            _exit(1);
        if (fork() == 0)
            usleep(300000);
        _exit(9);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 9);
}

static void
a_create_is_tried_again_right_after_it_was_killed(void **context)
{
    struct core_world *f = *context;

    kill_create_that_has_forked(f);
    core_reopen(f);
    assert_int_equal(core_create(f, "a", ""), 0);
    assert_int_equal(core_destroy(f, "a"), 0);
    core_assert_nothing_left(f);
}

static void
a_destroy_killed_at_any_call_is_finished(void **context)
{
    struct core_world *f = *context;

    for (int after = 0; after < 2; after++) {
        assert_int_equal(core_create(f, "a", ""), 0);
        assert_true(killed(f, kill_destroy, 1, after == 1));
        core_reopen(f);
        core_assert_nothing_left(f);
    }
}

static void
check_policy_kills(struct core_world *f, const char *config,
                   enum xk_stop_reason reason, size_t domains_after,
                   unsigned least)
{
    unsigned kills = 0;

    for (unsigned n = 1; n < 50; n++) {
        for (int after = 0; after < 2; after++) {
            bool was_killed;

            assert_int_equal(core_create(f, "a", config), 0);
            core_stop(f, "a", reason);
            was_killed = killed(f, kill_policy, n, after == 1);
            kills += was_killed;
            core_reopen(f);
            if (core_apply(f, "a") == -1)
                assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
            assert_int_equal(xk_fake_count(f->host.preferred), domains_after);
            assert_int_equal(scratch_count(f->host.state.run_path, "domains"),
                             domains_after);
            while (xk_fake_count(f->host.preferred) > 0) {
                struct xk_domain_list list;

                assert_int_equal(
                    xk_domain_list(&f->host, &list, core_soon(), &f->err), 0);
                assert_int_equal(core_destroy(f, list.items[0].name), 0);
                xk_domain_list_free(&list);
            }
            if (!was_killed) {
                assert_in_range(kills, least, 99);
                return;
            }
        }
    }
}

static void
a_restart_killed_at_any_call_ends_with_the_domain_running(void **context)
{
    check_policy_kills(*context, "", XK_STOP_REBOOT, 1, 2);
}

static void
a_rename_restart_killed_at_any_call_ends_with_both_domains(void **context)
{
    check_policy_kills(*context, "on_reboot = 'rename-restart'", XK_STOP_REBOOT,
                       2, 6);
}

static int
reset(struct core_world *f)
{
    struct xk_domain domain = core_find(f, "a");
    int r = xk_domain_reset(&f->host, &domain, core_soon(), &f->err);

    xk_domain_close(&domain);
    return r;
}

static void
pause_it(struct core_world *f)
{
    struct xk_domain domain = core_find(f, "a");

    assert_int_equal(xk_domain_pause(&f->host, &domain, core_soon(), &f->err),
                     0);
    xk_domain_close(&domain);
}

static void
a_reset_killed_at_any_call_leaves_the_guest_as_it_was(void **context)
{
    struct core_world *f = *context;

    for (int paused = 0; paused < 2; paused++) {
        unsigned kills = 0;

        assert_int_equal(core_create(f, "a", ""), 0);
        if (paused == 1)
            pause_it(f);
        for (unsigned n = 1; n < 3; n++) {
            for (int after = 0; after < 2; after++) {
                kills += killed(f, reset, n, after == 1);
                core_reopen(f);
                core_assert_state(
                    f, "a", paused == 1 ? XK_STATE_PAUSED : XK_STATE_RUNNING);
                assert_int_equal(reset(f), 0);
            }
        }
        assert_int_equal(kills, paused == 1 ? 2 : 4);
        assert_int_equal(core_destroy(f, "a"), 0);
    }
    core_assert_nothing_left(f);
}

/* One that is told to stop and does so later, as a QEMU that hung. */
static void
a_reset_that_fails_leaves_no_guest_standing_still(void **context)
{
    static const struct xk_fake_faults rows[] = {
        {.fail_at = 1},  {.fail_at = 2}, {.stops_at = 1},
        {.stops_at = 2}, {.late_at = 1}, {.late_at = 2}};
    struct core_world *f = *context;

    assert_int_equal(core_create(f, "a", ""), 0);
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        *xk_fake_faults(f->host.preferred) = rows[i];
        assert_int_equal(reset(f), -1);
        *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){0};
        xk_fake_go_on(f->host.preferred);
        core_reopen(f);
        core_assert_state(f, "a", XK_STATE_RUNNING);
        assert_int_equal(reset(f), 0);
    }
    assert_int_equal(core_destroy(f, "a"), 0);
    core_assert_nothing_left(f);
}

static void *
go_on_later(void *context)
{
    const struct timespec while_it_waits = {.tv_nsec = 300 * 1000 * 1000};
    struct core_world *f = context;

    nanosleep(&while_it_waits, NULL);
    xk_fake_go_on(f->host.preferred);
    return NULL;
}

/* It is not refused while there is time. */
static void
a_verb_waits_for_a_hypervisor_that_hung_over_a_reset(void **context)
{
    struct core_world *f = *context;
    pthread_t thread;

    assert_int_equal(core_create(f, "a", ""), 0);
    *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){.stops_at = 1};
    assert_int_equal(reset(f), -1);
    *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){0};
    assert_int_equal(pthread_create(&thread, NULL, go_on_later, f), 0);
    pause_it(f);
    assert_int_equal(pthread_join(thread, NULL), 0);
    core_assert_state(f, "a", XK_STATE_PAUSED);
    assert_int_equal(core_destroy(f, "a"), 0);
    core_assert_nothing_left(f);
}

/* ---- edits ---- */

static int
attach_and_detach(struct core_world *f)
{
    XK_CLEANUP_FREE char *spec =
        xk_asprintf("format=raw,vdev=xvdb,target=%s/image", f->scratch);
    struct xk_domain domain = core_find(f, "a");
    int r =
        xk_domain_attach_disk(&f->host, &domain, spec, core_soon(), &f->err);

    if (r == 0)
        r = xk_domain_detach_disk(&f->host, &domain, "xvdb", false, core_soon(),
                                  &f->err);
    xk_domain_close(&domain);
    return r;
}

/* Returns whether the domain has the disk, as its record does. */
static bool
has_disk(struct core_world *f)
{
    struct xk_domain domain = core_find(f, "a");
    XK_CLEANUP_FREE char *given =
        xk_fake_disks(f->host.preferred, &domain.uuid);
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain.record, &f->err);

    assert_non_null(config);
    assert_string_equal(given, config->disk_count == 1 ? "xvdb " : "");
    xk_domain_close(&domain);
    return *given != '\0';
}

static void
an_edit_killed_at_any_call_is_finished(void **context)
{
    struct core_world *f = *context;
    XK_CLEANUP_FREE char *image = xk_asprintf("%s/image", f->scratch);
    unsigned with_disk = 0, kills = 0;

    assert_int_equal(xk_write_file(AT_FDCWD, image, "", 0, false, &f->err), 0);
    for (unsigned n = 1; n < 4; n++) {
        for (int after = 0; after < 2; after++) {
            assert_int_equal(core_create(f, "a", ""), 0);
            kills += killed(f, attach_and_detach, n, after == 1);
            core_reopen(f);
            with_disk += has_disk(f);
            core_assert_state(f, "a", XK_STATE_RUNNING);
            assert_int_equal(core_destroy(f, "a"), 0);
        }
    }
    core_assert_nothing_left(f);
    assert_int_equal(kills, 4);
    assert_int_equal(with_disk, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, core_setup, core_teardown)
        T(a_created_domain_runs_and_a_destroyed_one_leaves_nothing),
        T(a_name_is_taken_once),
        T(a_uuid_is_taken_once),
        T(a_domain_is_found_by_name_and_by_uuid),
        T(a_renamed_domain_answers_to_its_new_name_only),
        T(a_stopped_domain_cannot_be_paused),
        T(a_create_that_fails_at_any_call_leaves_nothing),
        T(a_name_that_is_being_given_back_is_waited_for),
        T(a_name_of_a_preserved_domain_is_not_waited_for),
        T(a_create_killed_at_any_call_is_undone_or_its_guest_runs),
        T(a_create_whose_guest_was_told_to_run_is_never_undone),
        T(a_create_whose_guest_was_not_told_to_run_is_undone),
        T(a_create_is_tried_again_right_after_it_was_killed),
        T(a_destroy_killed_at_any_call_is_finished),
        T(a_restart_killed_at_any_call_ends_with_the_domain_running),
        T(a_rename_restart_killed_at_any_call_ends_with_both_domains),
        T(a_reset_killed_at_any_call_leaves_the_guest_as_it_was),
        T(a_reset_that_fails_leaves_no_guest_standing_still),
        T(a_verb_waits_for_a_hypervisor_that_hung_over_a_reset),
        T(an_edit_killed_at_any_call_is_finished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
