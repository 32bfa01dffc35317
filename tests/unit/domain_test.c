/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations and policies against a fake hypervisor, with every call of it
 * failing and every call of it the last before a kill. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/fake_hypervisor.h"
#include "tests/fakes/scratch.h"
#include "toolstack/domain.h"
#include "toolstack/journal.h"
#include "toolstack/migration/migrate.h"
#include "toolstack/operations.h"

struct fixture {
    char *scratch;
    char *world;
    struct xk_host host;
    struct xk_error err;
};

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(2000);
}

static int
open_host(struct fixture *f)
{
    if (xk_state_open(&f->host.state, &f->err) == -1)
        return -1;
    return xk_host_adopt(&f->host, xk_fake_open(&f->host.state, f->world),
                         "test", soon(), &f->err);
}

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    f->scratch = scratch_new();
    f->world = xk_asprintf("%s/world", f->scratch);
    mkdir(f->world, 0700);
    *context = f;
    return open_host(f);
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_host_close(&f->host);
    free(f->world);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

/* As the next verb does. */
static void
reopen(struct fixture *f)
{
    xk_host_close(&f->host);
    assert_int_equal(open_host(f), 0);
}

static struct xk_domain_config *
config_of(const char *name, const char *more)
{
    XK_CLEANUP_FREE char *text =
        xk_asprintf("name = '%s'\ntype = 'hvm'\nmemory = 64\n%s\n", name, more);
    struct xk_problems problems = {0};
    struct xk_error err = {0};
    struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &err);

    if (config == NULL)
        fail_msg("%s", err.message);
    xk_problems_free(&problems);
    return config;
}

static int
create(struct fixture *f, const char *name, const char *more)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = config_of(name, more);
    struct xk_domain domain;

    if (xk_domain_create(&f->host, config, false, &domain, soon(), &f->err) ==
        -1)
        return -1;
    xk_domain_close(&domain);
    return 0;
}

static struct xk_domain
find(struct fixture *f, const char *name)
{
    struct xk_domain domain;

    if (xk_domain_find(&f->host, name, &domain, soon(), &f->err) == -1)
        fail_msg("%s", f->err.message);
    return domain;
}

static void
assert_state(struct fixture *f, const char *name, enum xk_domain_state state)
{
    struct xk_domain domain = find(f, name);
    struct xk_domain_info info;

    assert_int_equal(xk_domain_get(&f->host, &domain, &info, soon(), &f->err),
                     0);
    assert_int_equal(info.state, state);
    xk_domain_info_free(&info);
    xk_domain_close(&domain);
}

static void
assert_nothing_left(struct fixture *f)
{
    assert_int_equal(xk_fake_count(f->host.preferred), 0);
    assert_int_equal(scratch_count(f->host.state.run_path, "domains"), 0);
}

static int
destroy(struct fixture *f, const char *name)
{
    struct xk_domain domain;
    int r;

    if (xk_domain_find(&f->host, name, &domain, soon(), &f->err) == -1)
        return -1;
    r = xk_domain_destroy(&f->host, &domain, soon(), &f->err);
    xk_domain_close(&domain);
    return r;
}

static int
apply(struct fixture *f, const char *name)
{
    struct xk_domain domain;
    int r;

    if (xk_domain_find(&f->host, name, &domain, soon(), &f->err) == -1)
        return -1;
    r = xk_domain_apply_policy(&f->host, &domain, soon(), &f->err);
    xk_domain_close(&domain);
    return r;
}

static void
stop(struct fixture *f, const char *name, enum xk_stop_reason reason)
{
    struct xk_domain domain = find(f, name);

    xk_fake_stop(f->host.preferred, &domain.uuid, reason);
    xk_domain_close(&domain);
}

/* ---- operations ---- */

static void
a_created_domain_runs_and_a_destroyed_one_leaves_nothing(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(create(f, "a", ""), 0);
    assert_state(f, "a", XK_STATE_RUNNING);
    assert_int_equal(destroy(f, "a"), 0);
    assert_nothing_left(f);
    assert_int_equal(destroy(f, "a"), -1);
    assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
}

static void
a_name_is_taken_once(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(create(f, "a", ""), 0);
    assert_int_equal(create(f, "a", ""), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(xk_fake_count(f->host.preferred), 1);
}

static void
a_uuid_is_taken_once(void **context)
{
    struct fixture *f = *context;
    const char *uuid = "uuid = '6f1c3f0e-9a3e-4b5c-8d2f-0123456789ab'";

    assert_int_equal(create(f, "a", uuid), 0);
    assert_int_equal(create(f, "b", uuid), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(xk_fake_count(f->host.preferred), 1);
}

static void
a_domain_is_found_by_name_and_by_uuid(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    assert_int_equal(
        create(f, "a", "uuid = '6f1c3f0e-9a3e-4b5c-8d2f-0123456789ab'"), 0);
    domain = find(f, "6F1C3F0E-9A3E-4B5C-8D2F-0123456789AB");
    assert_string_equal(domain.name, "a");
    xk_domain_close(&domain);
}

static void
a_renamed_domain_answers_to_its_new_name_only(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    assert_int_equal(create(f, "a", ""), 0);
    assert_int_equal(create(f, "c", ""), 0);
    domain = find(f, "a");
    assert_int_equal(xk_domain_rename(&f->host, &domain, "c", soon(), &f->err),
                     -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(
        xk_domain_rename(&f->host, &domain, "x/y", soon(), &f->err), -1);
    assert_int_equal(xk_domain_rename(&f->host, &domain, "b", soon(), &f->err),
                     0);
    xk_domain_close(&domain);
    assert_state(f, "b", XK_STATE_RUNNING);
    assert_int_equal(xk_domain_find(&f->host, "a", &domain, soon(), &f->err),
                     -1);
}

static void
a_stopped_domain_cannot_be_paused(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    assert_int_equal(create(f, "a", ""), 0);
    stop(f, "a", XK_STOP_POWEROFF);
    domain = find(f, "a");
    assert_int_equal(xk_domain_pause(&f->host, &domain, soon(), &f->err), -1);
    assert_int_equal(f->err.kind, XK_ERR_STATE);
    xk_domain_close(&domain);
}

static void
a_create_that_fails_at_any_call_leaves_nothing(void **context)
{
    struct fixture *f = *context;
    unsigned n = 0;

    do {
        struct xk_fake_faults *faults = xk_fake_faults(f->host.preferred);

        *faults = (struct xk_fake_faults){.fail_at = ++n};
        if (create(f, "a", "") == 0)
            break;
        assert_nothing_left(f);
    } while (n < 50);
    assert_in_range(n, 3, 49);
}

/* Its machine is gone, but who removes it has not done with it: as long as the
 * pipe is open. */
static void
remove_slowly(struct fixture *f, int removed, int go_on)
{
    struct xk_domain domain = find(f, "a");
    char byte;

    if (xk_record_lock(domain.record, "test", soon(), NULL) == -1 ||
        f->host.preferred->ops->teardown(f->host.preferred, &domain, soon(),
                                         NULL) == -1)
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
    struct fixture *f = *context;
    int removed[2], go_on[2], status;
    pthread_t thread;
    char byte;
    pid_t pid;

    assert_int_equal(create(f, "a", ""), 0);
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
    assert_int_equal(create(f, "a", ""), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(removed[0]);
    close(go_on[0]);
    assert_state(f, "a", XK_STATE_RUNNING);
    assert_int_equal(xk_fake_count(f->host.preferred), 1);
}

static void
a_name_of_a_preserved_domain_is_not_waited_for(void **context)
{
    struct fixture *f = *context;
    struct xk_deadline start = xk_deadline_in_ms(1500);

    assert_int_equal(create(f, "a", "on_crash = 'preserve'"), 0);
    stop(f, "a", XK_STOP_CRASH);
    assert_int_equal(apply(f, "a"), 0);
    assert_int_equal(create(f, "a", ""), -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_not_equal(xk_deadline_left_ms(start), 0);
}

/* ---- kills ---- */

typedef int action(struct fixture *f);

static int
kill_create(struct fixture *f)
{
    return create(f, "a", "");
}

static int
kill_destroy(struct fixture *f)
{
    return destroy(f, "a");
}

static int
kill_policy(struct fixture *f)
{
    return apply(f, "a");
}

/* Run it in a process that is killed at its nth call. False if it was not. */
static bool
killed(struct fixture *f, action *act, unsigned n, bool after)
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
    struct fixture *f = *context;
    unsigned undone = 0, finished = 0;

    for (unsigned n = 1; n < 50; n++) {
        for (int after = 0; after < 2; after++) {
            if (!killed(f, kill_create, n, after == 1)) {
                assert_int_equal(undone, 2);
                assert_int_equal(finished, 2);
                return;
            }
            reopen(f);
            if (xk_fake_count(f->host.preferred) > 0) {
                assert_state(f, "a", XK_STATE_RUNNING);
                finished++;
            } else {
                assert_nothing_left(f);
                assert_int_equal(create(f, "a", ""), 0);
                undone++;
            }
            assert_int_equal(destroy(f, "a"), 0);
            assert_nothing_left(f);
        }
    }
}

/* A process that it had forked holds the lock for a moment more. */
static void
kill_create_that_has_forked(struct fixture *f)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = config_of("a", "");
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (xk_operation_reserve(&f->host, f->host.preferred, config,
                                 XK_OP_CREATE, NULL, soon(), NULL) == NULL)
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
    struct fixture *f = *context;

    kill_create_that_has_forked(f);
    reopen(f);
    assert_int_equal(create(f, "a", ""), 0);
    assert_int_equal(destroy(f, "a"), 0);
    assert_nothing_left(f);
}

static void
a_destroy_killed_at_any_call_is_finished(void **context)
{
    struct fixture *f = *context;

    for (int after = 0; after < 2; after++) {
        assert_int_equal(create(f, "a", ""), 0);
        assert_true(killed(f, kill_destroy, 1, after == 1));
        reopen(f);
        assert_nothing_left(f);
    }
}

static void
check_policy_kills(struct fixture *f, const char *config,
                   enum xk_stop_reason reason, size_t domains_after,
                   unsigned least)
{
    unsigned kills = 0;

    for (unsigned n = 1; n < 50; n++) {
        for (int after = 0; after < 2; after++) {
            bool was_killed;

            assert_int_equal(create(f, "a", config), 0);
            stop(f, "a", reason);
            was_killed = killed(f, kill_policy, n, after == 1);
            kills += was_killed;
            reopen(f);
            if (apply(f, "a") == -1)
                assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
            assert_int_equal(xk_fake_count(f->host.preferred), domains_after);
            assert_int_equal(scratch_count(f->host.state.run_path, "domains"),
                             domains_after);
            while (xk_fake_count(f->host.preferred) > 0) {
                struct xk_domain_list list;

                assert_int_equal(
                    xk_domain_list(&f->host, &list, soon(), &f->err), 0);
                assert_int_equal(destroy(f, list.items[0].name), 0);
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
reset(struct fixture *f)
{
    struct xk_domain domain = find(f, "a");
    int r = xk_domain_reset(&f->host, &domain, soon(), &f->err);

    xk_domain_close(&domain);
    return r;
}

static void
pause_it(struct fixture *f)
{
    struct xk_domain domain = find(f, "a");

    assert_int_equal(xk_domain_pause(&f->host, &domain, soon(), &f->err), 0);
    xk_domain_close(&domain);
}

static void
a_reset_killed_at_any_call_leaves_the_guest_as_it_was(void **context)
{
    struct fixture *f = *context;

    for (int paused = 0; paused < 2; paused++) {
        unsigned kills = 0;

        assert_int_equal(create(f, "a", ""), 0);
        if (paused == 1)
            pause_it(f);
        for (unsigned n = 1; n < 3; n++) {
            for (int after = 0; after < 2; after++) {
                kills += killed(f, reset, n, after == 1);
                reopen(f);
                assert_state(f, "a",
                             paused == 1 ? XK_STATE_PAUSED : XK_STATE_RUNNING);
                assert_int_equal(reset(f), 0);
            }
        }
        assert_int_equal(kills, paused == 1 ? 2 : 4);
        assert_int_equal(destroy(f, "a"), 0);
    }
    assert_nothing_left(f);
}

/* One that is told to stop and does so later, as a QEMU that hung. */
static void
a_reset_that_fails_leaves_no_guest_standing_still(void **context)
{
    static const struct xk_fake_faults rows[] = {
        {.fail_at = 1},  {.fail_at = 2}, {.stops_at = 1},
        {.stops_at = 2}, {.late_at = 1}, {.late_at = 2}};
    struct fixture *f = *context;

    assert_int_equal(create(f, "a", ""), 0);
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        *xk_fake_faults(f->host.preferred) = rows[i];
        assert_int_equal(reset(f), -1);
        *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){0};
        xk_fake_go_on(f->host.preferred);
        reopen(f);
        assert_state(f, "a", XK_STATE_RUNNING);
        assert_int_equal(reset(f), 0);
    }
    assert_int_equal(destroy(f, "a"), 0);
    assert_nothing_left(f);
}

/* ---- policies ---- */

static void
a_poweroff_destroys_by_default(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(create(f, "a", ""), 0);
    stop(f, "a", XK_STOP_POWEROFF);
    assert_int_equal(apply(f, "a"), 0);
    assert_nothing_left(f);
}

static void
a_reboot_restarts_by_default_with_the_same_uuid(void **context)
{
    struct fixture *f = *context;
    struct xk_domain before, now;

    assert_int_equal(create(f, "a", ""), 0);
    before = find(f, "a");
    stop(f, "a", XK_STOP_REBOOT);
    assert_int_equal(apply(f, "a"), 0);
    now = find(f, "a");
    assert_true(xk_uuid_equal(&before.uuid, &now.uuid));
    assert_int_equal(now.starts, 1);
    assert_state(f, "a", XK_STATE_RUNNING);
    xk_domain_close(&before);
    xk_domain_close(&now);
}

static void
a_preserved_domain_stays_as_it_is(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(create(f, "a", "on_crash = 'preserve'"), 0);
    stop(f, "a", XK_STOP_CRASH);
    assert_int_equal(apply(f, "a"), 0);
    assert_int_equal(apply(f, "a"), 0);
    assert_state(f, "a", XK_STATE_CRASHED);
    assert_int_equal(destroy(f, "a"), 0);
    assert_nothing_left(f);
}

static void
a_coredump_is_written_before_the_domain_goes(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(create(f, "a", "on_crash = 'coredump-destroy'"), 0);
    stop(f, "a", XK_STOP_CRASH);
    assert_int_equal(apply(f, "a"), 0);
    assert_nothing_left(f);
    assert_int_equal(scratch_count(f->host.state.lib_path, "dump"), 1);
}

/* Each is as large as the guest. */
static void
a_guest_that_crashes_again_and_again_leaves_few_coredumps(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *folder =
        xk_asprintf("%s/dump", f->host.state.lib_path);

    for (int i = 0; i < 8; i++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/a-20260101T00000%dZ.core", folder, i);

        assert_int_equal(xk_make_dirs(folder, 0700, &f->err), 0);
        assert_int_equal(xk_write_file(AT_FDCWD, path, "", 0, false, &f->err),
                         0);
    }
    assert_int_equal(create(f, "a", "on_crash = 'coredump-destroy'"), 0);
    assert_int_equal(create(f, "b", "on_crash = 'coredump-destroy'"), 0);
    stop(f, "a", XK_STOP_CRASH);
    stop(f, "b", XK_STOP_CRASH);
    assert_int_equal(apply(f, "a"), 0);
    assert_int_equal(scratch_count(f->host.state.lib_path, "dump"), 8);
    assert_int_equal(apply(f, "b"), 0); /* another guest has its own */
    assert_int_equal(scratch_count(f->host.state.lib_path, "dump"), 9);
    assert_nothing_left(f);
}

static void
a_rename_restart_keeps_the_old_under_another_name(void **context)
{
    struct fixture *f = *context;
    struct xk_domain_list list;

    assert_int_equal(create(f, "a", "on_reboot = 'rename-restart'"), 0);
    stop(f, "a", XK_STOP_REBOOT);
    assert_int_equal(apply(f, "a"), 0);
    assert_state(f, "a", XK_STATE_RUNNING);
    assert_int_equal(xk_domain_list(&f->host, &list, soon(), &f->err), 0);
    assert_int_equal(list.count, 2);
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(strncmp(list.items[i].name, "a", 1), 0);
        assert_int_equal(apply(f, list.items[i].name), 0);
    }
    xk_domain_list_free(&list);
    assert_int_equal(xk_fake_count(f->host.preferred), 2);
}

static void
a_guest_that_reboots_in_a_loop_is_stopped(void **context)
{
    struct fixture *f = *context;
    int restarts = 0;

    assert_int_equal(create(f, "a", ""), 0);
    for (int i = 0; i < 20; i++) {
        struct xk_domain domain;

        stop(f, "a", XK_STOP_REBOOT);
        assert_int_equal(apply(f, "a"), 0);
        domain = find(f, "a");
        restarts = (int)domain.starts;
        xk_domain_close(&domain);
    }
    assert_int_equal(restarts, 10);
    assert_state(f, "a", XK_STATE_SHUTDOWN);
}

/* All that is kept of one guest takes room. */
static void
a_guest_that_is_made_anew_in_a_loop_is_kept(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count;

    assert_int_equal(create(f, "a", "on_crash = 'rename-restart'"), 0);
    for (int i = 0; i < 20; i++) {
        stop(f, "a", i % 3 == 0 ? XK_STOP_REBOOT : XK_STOP_CRASH);
        assert_int_equal(apply(f, "a"), 0);
    }
    /* Ten starts, four of them in place, and the one kept at last. */
    assert_int_equal(xk_state_list(&f->host.state, &uuids, &count, &f->err), 0);
    assert_int_equal(count, 7);
    for (size_t i = 0; i < count; i++) {
        XK_CLEANUP_RECORD struct xk_record *record =
            xk_record_open(&f->host.state, &uuids[i], &f->err);
        XK_CLEANUP_CONFIG struct xk_domain_config *config =
            xk_record_load_config(record, &f->err);
        struct xk_domain domain = find(f, config->name); /* by one name, one */

        assert_true(xk_uuid_equal(&domain.uuid, &uuids[i]));
        xk_domain_close(&domain);
    }
}

static void
a_restart_that_fails_is_not_tried_for_ever(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(create(f, "a", ""), 0);
    stop(f, "a", XK_STOP_REBOOT);
    *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){.fail_at = 1};
    assert_int_equal(apply(f, "a"), -1);
    assert_int_equal(apply(f, "a"), 0);
    assert_state(f, "a", XK_STATE_SHUTDOWN);
    assert_int_equal(destroy(f, "a"), 0);
    assert_nothing_left(f);
}

/* ---- what the journal does not say ---- */

/* Do to the journal of "a" what `damage` does, as the next verb finds it. */
static void
damage_journal(struct fixture *f, void (*damage)(int dirfd))
{
    struct xk_domain domain = find(f, "a");

    damage(domain.record->dir_fd);
    xk_domain_close(&domain);
    reopen(f);
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
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(damages); i++) {
        assert_int_equal(create(f, "a", ""), 0);
        damage_journal(f, damages[i]);
        assert_state(f, "a", XK_STATE_RUNNING);
        stop(f, "a", XK_STOP_REBOOT);
        assert_int_equal(apply(f, "a"), 0);
        assert_state(f, "a", XK_STATE_RUNNING);
        assert_int_equal(destroy(f, "a"), 0);
        assert_nothing_left(f);
    }
}

static void
a_stopped_guest_whose_journal_is_lost_is_kept(void **context)
{
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(damages); i++) {
        assert_int_equal(create(f, "a", "on_poweroff = 'destroy'"), 0);
        stop(f, "a", XK_STOP_POWEROFF);
        damage_journal(f, damages[i]);
        assert_int_equal(apply(f, "a"), 0);
        assert_state(f, "a", XK_STATE_SHUTDOWN);
        assert_int_equal(destroy(f, "a"), 0);
        assert_nothing_left(f);
    }
}

static void
a_record_that_was_just_born_is_removed(void **context)
{
    struct fixture *f = *context;
    struct xk_record *record;
    struct xk_uuid uuid;

    xk_uuid_random(&uuid);
    record = xk_record_create(&f->host.state, &uuid, "fake", "create", &f->err);
    assert_non_null(record);
    xk_record_close(record);
    reopen(f);
    assert_nothing_left(f);
}

/* An entry with the times of another clock. */
static void
append_at(struct fixture *f, const char *kind, int64_t time_ms, int64_t boot_ms)
{
    struct xk_domain domain = find(f, "a");
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
starts_after(struct fixture *f, int64_t time_ms, int64_t boot_ms)
{
    struct xk_domain domain;
    unsigned starts;

    assert_int_equal(create(f, "a", ""), 0);
    for (int i = 0; i < 10; i++) {
        append_at(f, "begin", time_ms, boot_ms);
        append_at(f, "end", time_ms, boot_ms);
    }
    stop(f, "a", XK_STOP_REBOOT);
    assert_int_equal(apply(f, "a"), 0);
    domain = find(f, "a");
    starts = domain.starts;
    xk_domain_close(&domain);
    assert_int_equal(destroy(f, "a"), 0);
    return starts;
}

static void
a_loop_is_told_apart_though_the_wall_clock_steps(void **context)
{
    struct fixture *f = *context;
    int64_t wall = now_ms(CLOCK_REALTIME), boot = now_ms(CLOCK_BOOTTIME);
    const int64_t day = 86400000;

    assert_int_equal(starts_after(f, wall, 0), 11);
    assert_int_equal(starts_after(f, wall, boot + day), 11);
    assert_int_equal(starts_after(f, wall - day, boot), 10);
    assert_int_equal(starts_after(f, wall + day, boot), 10);
}

/* ---- what cannot be finished ---- */

static void
begin(struct fixture *f, const char *operation)
{
    struct xk_domain domain = find(f, "a");

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
        XK_OP_DISKS,   XK_OP_RESET,   "future"};
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(operations); i++) {
        assert_int_equal(create(f, "a", ""), 0);
        begin(f, operations[i]);
        assert_int_equal(destroy(f, "a"), 0);
        assert_nothing_left(f);
    }
}

static void
a_domain_in_doubt_can_be_destroyed(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    assert_int_equal(create(f, "a", ""), 0);
    domain = find(f, "a");
    xk_journal_append(domain.record, XK_JOURNAL_BEGIN, XK_OP_MIGRATE,
                      "{\"move\":\"6f1c3f0e-9a3e-4b5c-8d2f-0123456789ab\"}",
                      &f->err);
    xk_journal_append(domain.record, XK_JOURNAL_NOTE, XK_NOTE_COMMIT, NULL,
                      &f->err);
    xk_domain_close(&domain);
    reopen(f);
    assert_state(f, "a", XK_STATE_IN_DOUBT);
    assert_int_equal(destroy(f, "a"), 0);
    assert_nothing_left(f);
}

static void
a_verb_that_is_refused_says_what_is_unfinished_and_how_to_end_it(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    assert_int_equal(create(f, "a", ""), 0);
    begin(f, XK_OP_SAVE);
    domain = find(f, "a");
    assert_int_equal(xk_domain_pause(&f->host, &domain, soon(), &f->err), -1);
    assert_int_equal(f->err.kind, XK_ERR_BUSY);
    assert_non_null(strstr(f->err.message, "its save, begun 20"));
    assert_non_null(strstr(f->err.message, "xk destroy a"));
    xk_domain_close(&domain);
}

static void
destroy_recorded(struct fixture *f)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    char text[XK_UUID_TEXT_SIZE];
    size_t count;

    assert_int_equal(xk_state_list(&f->host.state, &uuids, &count, &f->err), 0);
    for (size_t i = 0; i < count; i++) {
        xk_uuid_format(&uuids[i], text);
        assert_int_equal(destroy(f, text), 0);
    }
    assert_nothing_left(f);
}

/* Each call of the policy fails once. */
static void
a_rename_restart_that_fails_anywhere_can_be_ended(void **context)
{
    struct fixture *f = *context;
    bool failed = true;

    for (unsigned n = 1; failed; n++) {
        assert_int_equal(create(f, "a", "on_reboot = 'rename-restart'"), 0);
        stop(f, "a", XK_STOP_REBOOT);
        *xk_fake_faults(f->host.preferred) =
            (struct xk_fake_faults){.fail_at = n};
        apply(f, "a");
        failed = xk_fake_faults(f->host.preferred)->calls >= n;
        *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){0};
        assert_true(failed || n > 3);
        destroy_recorded(f);
    }
}

static void
a_domain_that_cannot_be_made_anew_is_kept_and_not_tried_again(void **context)
{
    struct fixture *f = *context;

    for (unsigned n = 2; n < 4; n++) {
        struct xk_domain_list list;

        assert_int_equal(create(f, "a", "on_reboot = 'rename-restart'"), 0);
        stop(f, "a", XK_STOP_REBOOT);
        *xk_fake_faults(f->host.preferred) =
            (struct xk_fake_faults){.fail_at = n};
        assert_int_equal(apply(f, "a"), 0);
        *xk_fake_faults(f->host.preferred) = (struct xk_fake_faults){0};
        reopen(f);
        assert_int_equal(xk_domain_list(&f->host, &list, soon(), &f->err), 0);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.items[0].state, XK_STATE_SHUTDOWN);
        xk_domain_list_free(&list);
        destroy_recorded(f);
    }
}

static void
a_domain_whose_configuration_is_lost_can_be_destroyed(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    assert_int_equal(create(f, "a", ""), 0);
    domain = find(f, "a");
    assert_int_equal(unlinkat(domain.record->dir_fd, "config.json", 0), 0);
    assert_int_equal(destroy(f, domain.record->uuid_text), 0);
    xk_domain_close(&domain);
    assert_nothing_left(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        T(a_create_is_tried_again_right_after_it_was_killed),
        T(a_destroy_killed_at_any_call_is_finished),
        T(a_restart_killed_at_any_call_ends_with_the_domain_running),
        T(a_rename_restart_killed_at_any_call_ends_with_both_domains),
        T(a_reset_killed_at_any_call_leaves_the_guest_as_it_was),
        T(a_reset_that_fails_leaves_no_guest_standing_still),
        T(a_poweroff_destroys_by_default),
        T(a_reboot_restarts_by_default_with_the_same_uuid),
        T(a_preserved_domain_stays_as_it_is),
        T(a_coredump_is_written_before_the_domain_goes),
        T(a_guest_that_crashes_again_and_again_leaves_few_coredumps),
        T(a_rename_restart_keeps_the_old_under_another_name),
        T(a_guest_that_reboots_in_a_loop_is_stopped),
        T(a_guest_that_is_made_anew_in_a_loop_is_kept),
        T(a_restart_that_fails_is_not_tried_for_ever),
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
