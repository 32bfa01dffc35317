/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No verb, monitor or recovery of one driver touches what another has. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/toolstack/drivers_world.h"
#include "toolstack/domain.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"
#include "toolstack/monitor.h"
#include "toolstack/monitor_start.h"
#include "toolstack/rename.h"

/* ---- a record says whose it is ---- */

static void
a_verb_goes_by_the_record_whatever_hypervisor_is_named(void **context)
{
    struct fixture *f = *context;

    create(f, "alpha", "a");
    create(f, "beta", "b");
    for (size_t i = 0; i < 2; i++) {
        struct xk_domain a, b;

        reopen(f, driver_names[i]);
        a = find(f, "a");
        b = find(f, "b");
        assert_int_equal(xk_domain_pause(&f->host, &a, soon(), &f->err), 0);
        assert_int_equal(xk_domain_pause(&f->host, &b, soon(), &f->err), 0);
        assert_state(f, "a", "alpha", XK_STATE_PAUSED);
        assert_state(f, "b", "beta", XK_STATE_PAUSED);
        assert_int_equal(xk_domain_unpause(&f->host, &a, soon(), &f->err), 0);
        assert_int_equal(xk_domain_unpause(&f->host, &b, soon(), &f->err), 0);
        xk_domain_close(&a);
        xk_domain_close(&b);
    }
    reopen(f, "beta");
    for (size_t i = 0; i < 2; i++) {
        struct xk_domain domain = find(f, i == 0 ? "a" : "b");

        assert_int_equal(xk_domain_destroy(&f->host, &domain, soon(), &f->err),
                         0);
        xk_domain_close(&domain);
        assert_int_equal(scratch_count(driver_worlds[i], "."), 0);
    }
    assert_int_equal(scratch_count(f->host.state.run_path, "domains"), 0);
}

static void
another_name_and_another_uuid_leave_a_domain_with_its_driver(void **context)
{
    struct fixture *f = *context;
    struct xk_domain domain;

    create(f, "beta", "b");
    reopen(f, "alpha");
    domain = find(f, "b");
    assert_int_equal(xk_domain_rename(&f->host, &domain, "c", soon(), &f->err),
                     0);
    xk_domain_close(&domain);
    assert_state(f, "c", "beta", XK_STATE_RUNNING);
    domain = find(f, "c");
    assert_int_equal(xk_record_lock(domain.record, "test", soon(), NULL), 0);
    xk_uuid_random(&domain.uuid);
    assert_int_equal(xk_record_rekey(domain.record, &domain.uuid, NULL), 0);
    assert_ptr_equal(xk_host_driver_of(&f->host, domain.record, &f->err),
                     domain.hv);
    xk_domain_close(&domain);
}

/* One of a list can be taken hold of, with its record where it has one. */
static void
assert_listed(struct fixture *f, const struct xk_domain_list *list,
              const char *driver, const char *name)
{
    bool found = false;

    for (size_t i = 0; i < list->count; i++) {
        struct xk_domain domain;

        if (strcmp(list->items[i].name, name) != 0)
            continue;
        found = true;
        assert_string_equal(list->items[i].hypervisor, driver);
        assert_int_equal(
            xk_domain_take(&f->host, &list->items[i], &domain, &f->err), 0);
        assert_string_equal(domain.name, name);
        assert_string_equal(domain.hv->ops->name, driver);
        assert_int_equal(domain.record == NULL, strcmp(name, "stranger") == 0);
        xk_domain_close(&domain);
    }
    assert_true(found);
}

static void
a_list_is_of_all_drivers_or_of_the_one_that_is_named(void **context)
{
    static const struct {
        const char *wanted;
        size_t count;
    } rows[] = {{NULL, 3}, {"alpha", 2}, {"beta", 1}};
    struct fixture *f = *context;

    make_stranger(ALPHA, "00000000-0000-4000-8000-000000000001", "stranger");
    create(f, "alpha", "a");
    create(f, "beta", "b");
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        struct xk_domain_list list;

        reopen(f, rows[i].wanted);
        assert_int_equal(xk_domain_list(&f->host, &list, soon(), &f->err), 0);
        assert_int_equal(list.count, rows[i].count);
        if (i != BETA + 1) {
            assert_listed(f, &list, "alpha", "stranger");
            assert_listed(f, &list, "alpha", "a");
        }
        if (i != ALPHA + 1)
            assert_listed(f, &list, "beta", "b");
        xk_domain_list_free(&list);
    }
}

static void
a_driver_is_opened_only_where_a_domain_of_it_is(void **context)
{
    struct fixture *f = *context;
    struct xk_domain_list list;
    struct xk_domain domain;

    create(f, "beta", "b");
    create(f, "alpha", "a");
    drivers_opened[ALPHA] = drivers_opened[BETA] = 0;
    reopen(f, NULL);
    domain = find(f, "a");
    assert_int_equal(xk_domain_pause(&f->host, &domain, soon(), &f->err), 0);
    assert_int_equal(drivers_opened[BETA], 0);
    xk_domain_close(&domain);
    domain = find(f, "b");
    assert_int_equal(xk_domain_destroy(&f->host, &domain, soon(), &f->err), 0);
    xk_domain_close(&domain);
    drivers_opened[BETA] = 0;
    reopen(f, NULL);
    assert_int_equal(xk_domain_list(&f->host, &list, soon(), &f->err), 0);
    assert_int_equal(list.count, 1);
    xk_domain_list_free(&list);
    assert_int_equal(drivers_opened[BETA], 0);
}

/* ---- absence from one is no reason to end what another has ---- */

static void
recovery_asks_the_driver_of_the_record(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *a = NULL, *b = NULL;

    create(f, "alpha", "a");
    create(f, "beta", "b");
    a = uuid_of(f, "a");
    b = uuid_of(f, "b");
    begin(f, a, XK_OP_DESTROY);
    begin(f, b, XK_OP_RESTART);
    stop(f, "b");
    reopen(f, "beta");
    assert_false(is_recorded(f, a));
    assert_false(is_in_world(ALPHA, a));
    assert_state(f, "b", "beta", XK_STATE_RUNNING);
}

static void
a_policy_of_a_running_domain_is_not_begun_under_another_name(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *a = NULL, *b = NULL;

    create(f, "alpha", "a");
    create(f, "beta", "b");
    a = uuid_of(f, "a");
    b = uuid_of(f, "b");
    for (size_t i = 0; i < 2; i++) {
        reopen(f, driver_names[i]);
        assert_int_equal(apply_policy(f, a), 0);
        assert_int_equal(apply_policy(f, b), 0);
        assert_state(f, "a", "alpha", XK_STATE_RUNNING);
        assert_state(f, "b", "beta", XK_STATE_RUNNING);
    }
    stop(f, "a");
    reopen(f, "beta");
    assert_int_equal(apply_policy(f, a), 0);
    assert_false(is_recorded(f, a));
    assert_int_equal(scratch_count(driver_worlds[ALPHA], "."), 0);
    assert_state(f, "b", "beta", XK_STATE_RUNNING);
}

static void
a_saved_domain_goes_back_to_its_hypervisor_or_nowhere(void **context)
{
    struct fixture *f = *context;

    create(f, "beta", "b");
    reopen(f, "alpha");
    save(f, "b");
    assert_int_equal(restore(f), -1);
    assert_int_equal(f->err.kind, XK_ERR_UNSUPPORTED);
    reopen(f, NULL);
    assert_int_equal(restore(f), 0);
    assert_state(f, "b", "beta", XK_STATE_RUNNING);
}

/* ---- what is not ours ---- */

static void
a_record_that_is_not_ours_is_told_and_left_alone(void **context)
{
    static const struct {
        const char *driver;
        enum xk_error_kind kind;
    } rows[] = {
        {"delta", XK_ERR_UNSUPPORTED},        /* not in this build */
        {"gamma", XK_ERR_HOST},               /* cannot run here */
        {"\x1b[2J\nxen", XK_ERR_UNSUPPORTED}, /* no name at all */
        {"", XK_ERR_UNSUPPORTED},
    };
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        XK_CLEANUP_FREE char *name = xk_asprintf("a%zu", i);
        XK_CLEANUP_FREE char *uuid = NULL;
        struct xk_domain_list list;
        unsigned before;

        create(f, "beta", name);
        uuid = uuid_of(f, name);
        stop(f, name);
        give_record_to(f, uuid, rows[i].driver);
        begin(f, uuid, XK_OP_DESTROY);

        before = times_told(f, uuid);
        reopen(f, NULL);
        assert_int_equal(times_told(f, uuid), before + 1);
        assert_int_equal(find_fails(f, name), rows[i].kind);
        assert_int_equal(find_fails(f, uuid), rows[i].kind);
        assert_int_equal(apply_policy(f, uuid), -1);
        assert_int_equal(f->err.kind, rows[i].kind);

        before = times_told(f, "left alone");
        assert_int_equal(xk_domain_list(&f->host, &list, soon(), &f->err), 0);
        xk_domain_list_free(&list);
        assert_true(times_told(f, "left alone") > before);

        assert_true(is_recorded(f, uuid));
        assert_true(is_in_world(BETA, uuid));
    }
}

static void
an_operation_of_another_version_is_told_and_left_alone(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *a = NULL;
    struct xk_domain domain;

    create(f, "alpha", "a");
    a = uuid_of(f, "a");
    begin(f, a, "sublimate");
    reopen(f, NULL);
    assert_int_equal(times_told(f, "sublimate"), 1);
    assert_int_equal(times_told(f, "could not be recovered"), 0);
    assert_state(f, "a", "alpha", XK_STATE_RUNNING);
    domain = find(f, "a");
    assert_int_equal(xk_domain_pause(&f->host, &domain, soon(), &f->err), -1);
    assert_int_equal(f->err.kind, XK_ERR_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, "sublimate"));
    xk_domain_close(&domain);
    assert_true(is_recorded(f, a));
}

/* ---- records of an earlier version ---- */

static void
a_record_without_a_driver_is_of_the_one_whose_files_it_holds(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *b = NULL, *path = NULL;

    create(f, "beta", "b");
    b = uuid_of(f, "b");
    give_record_to(f, b, NULL);
    path = path_in_record(f, b, "beta.claim");
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    for (size_t i = 0; i < 2; i++) {
        reopen(f, driver_names[i]);
        assert_int_equal(apply_policy(f, b), 0);
        assert_state(f, "b", "beta", XK_STATE_RUNNING);
    }
    begin(f, b, XK_OP_DESTROY);
    reopen(f, "alpha");
    assert_false(is_recorded(f, b));
    assert_false(is_in_world(BETA, b));
}

static void
a_record_without_a_driver_is_of_the_one_that_has_its_domain(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *a = NULL;

    create(f, "alpha", "a");
    a = uuid_of(f, "a");
    give_record_to(f, a, NULL);
    reopen(f, "beta");
    assert_int_equal(apply_policy(f, a), 0);
    assert_state(f, "a", "alpha", XK_STATE_RUNNING);
}

static void
a_record_of_which_nothing_tells_whose_it_is_is_left_alone(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *b = NULL;

    create(f, "beta", "b");
    b = uuid_of(f, "b");
    give_record_to(f, b, NULL);
    begin(f, b, XK_OP_DESTROY);
    for (size_t i = 0; i < 2; i++) {
        reopen(f, driver_names[i]);
        assert_int_equal(times_told(f, b), i + 1);
        assert_int_equal(apply_policy(f, b), -1);
        assert_int_equal(f->err.kind, XK_ERR_UNSUPPORTED);
    }
    assert_true(is_recorded(f, b));
    assert_true(is_in_world(BETA, b));
}

/* ---- the monitor ---- */

/* Workers are processes of this script, which only says how it was called. */
static char *
worker_script(const struct fixture *f, int out_fd)
{
    char *path = xk_asprintf("%s/worker", f->scratch);
    XK_CLEANUP_FREE char *text =
        xk_asprintf("#!/bin/sh\necho \"$*\" >&%d\n", out_fd);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

    if (fd == -1 || xk_write_all(fd, text, strlen(text)) == -1)
        abort();
    close(fd);
    return path;
}

static void
write_ready(void *context)
{
    const int *fd = context;

    if (write(*fd, "ready\n", 6) != 6)
        abort();
}

/* *from: where to read what it and its workers say. */
static pid_t
start_monitor(struct fixture *f, const char *wanted, int *from)
{
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid != 0) {
        close(ends[1]);
        *from = ends[0];
        return pid;
    }
    /* A test that fails leaves none behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    xk_host_close(&f->host);
    if (open_host(f, wanted) == -1)
        _exit(1);
    free(f->host.program);
    f->host.program = worker_script(f, ends[1]);
    _exit(xk_monitor_run(&f->host, true, write_ready, &ends[1], &f->err) == 0
              ? 0
              : 2);
}

/* Until it has been said (NULL: to the end, when the monitor and its workers
 * have closed the pipe). */
static void
hear(int fd, struct xk_buf *said, const char *text)
{
    struct xk_deadline deadline = xk_deadline_in_ms(20000);
    struct xk_error err = {0};
    char chunk[512];
    ssize_t got;

    xk_buf_puts(said, "");
    while (text == NULL || strstr(said->data, text) == NULL) {
        if (xk_deadline_poll(deadline, fd, POLLIN, "the monitor", &err) == -1)
            fail_msg("%s: \"%s\" after \"%s\"", err.message, text, said->data);
        got = read(fd, chunk, sizeof(chunk));
        if (got <= 0)
            break;
        xk_buf_append(said, chunk, (size_t)got);
    }
    if (text != NULL)
        assert_non_null(strstr(said->data, text));
}

static void
end_monitor(pid_t pid)
{
    int status = -1;

    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

/* All that a monitor has its workers do for the domains that are there. */
static void
run_monitor(struct fixture *f, const char *wanted, struct xk_buf *said)
{
    XK_CLEANUP_CLOSE int from = -1;
    pid_t pid = start_monitor(f, wanted, &from);

    hear(from, said, "ready\n");
    end_monitor(pid);
    hear(from, said, NULL);
}

static void
assert_worked_for(const struct xk_buf *said, const char *driver,
                  const char *uuid)
{
    XK_CLEANUP_FREE char *line =
        xk_asprintf("-v --hypervisor %s %s %s\n", driver, XK_VERB_WORKER, uuid);

    if (strstr(said->data, line) == NULL)
        fail_msg("\"%s\" has no \"%s\"", said->data, line);
}

static void
one_monitor_looks_after_the_domains_of_all(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *stopped[2], *alien = NULL, *later = NULL;

    create(f, "alpha", "a");
    create(f, "beta", "b");
    create(f, "alpha", "a-stopped");
    create(f, "beta", "b-stopped");
    create(f, "alpha", "alien");
    create(f, "alpha", "later");
    stopped[0] = uuid_of(f, "a-stopped");
    stopped[1] = uuid_of(f, "b-stopped");
    alien = uuid_of(f, "alien");
    later = uuid_of(f, "later");
    stop(f, "a-stopped");
    stop(f, "b-stopped");
    stop(f, "alien");
    give_record_to(f, alien, "delta");
    begin(f, later, "sublimate");
    for (size_t i = 0; i < 2; i++) {
        XK_CLEANUP_BUF struct xk_buf said = {0};
        unsigned told = times_told(f, later);
        size_t lines = 0;

        run_monitor(f, driver_names[i], &said);
        assert_worked_for(&said, "alpha", stopped[0]);
        assert_worked_for(&said, "beta", stopped[1]);
        for (const char *at = said.data; *at != '\0'; at++)
            lines += *at == '\n';
        assert_int_equal(lines, 3);
        assert_true(times_told(f, alien) > 0);
        assert_true(times_told(f, later) > told);
    }
    free(stopped[1]);
}

static void
assert_said(int from, struct xk_buf *said, const char *driver, const char *uuid)
{
    XK_CLEANUP_FREE char *line =
        xk_asprintf("-v --hypervisor %s %s %s\n", driver, XK_VERB_WORKER, uuid);

    hear(from, said, line);
}

/* A monitor that did not see it go sees another of its UUID, whose lock and
 * driver are others. */
static void
a_domain_that_is_made_again_with_its_uuid_is_watched_anew(void **context)
{
    static const char uuid[] = "aaaaaaaa-0000-4000-8000-000000000001";
    struct fixture *f = *context;
    XK_CLEANUP_BUF struct xk_buf said = {0};
    XK_CLEANUP_FREE char *other = NULL, *lock = NULL;
    XK_CLEANUP_CLOSE int from = -1;
    struct xk_domain domain;
    int status;
    pid_t pid;

    assert_int_equal(try_create(f, "alpha", "a", uuid), 0);
    pid = start_monitor(f, NULL, &from);
    hear(from, &said, "ready\n");
    kill(pid, SIGSTOP);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    domain = find(f, "a");
    assert_int_equal(xk_domain_destroy(&f->host, &domain, soon(), &f->err), 0);
    xk_domain_close(&domain);
    assert_int_equal(try_create(f, "beta", "a", uuid), 0);
    create(f, "beta", "other");
    other = uuid_of(f, "other");
    stop(f, "other");
    kill(pid, SIGCONT);
    assert_said(from, &said, "beta", other);
    stop(f, "a");
    lock = path_in_record(f, uuid, "lock");
    close(open(lock, O_WRONLY | O_CLOEXEC));
    assert_said(from, &said, "beta", uuid);
    end_monitor(pid);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_verb_goes_by_the_record_whatever_hypervisor_is_named),
        TEST(another_name_and_another_uuid_leave_a_domain_with_its_driver),
        TEST(a_list_is_of_all_drivers_or_of_the_one_that_is_named),
        TEST(a_driver_is_opened_only_where_a_domain_of_it_is),
        TEST(recovery_asks_the_driver_of_the_record),
        TEST(a_policy_of_a_running_domain_is_not_begun_under_another_name),
        TEST(a_saved_domain_goes_back_to_its_hypervisor_or_nowhere),
        TEST(a_record_that_is_not_ours_is_told_and_left_alone),
        TEST(an_operation_of_another_version_is_told_and_left_alone),
        TEST(a_record_without_a_driver_is_of_the_one_whose_files_it_holds),
        TEST(a_record_without_a_driver_is_of_the_one_that_has_its_domain),
        TEST(a_record_of_which_nothing_tells_whose_it_is_is_left_alone),
        TEST(one_monitor_looks_after_the_domains_of_all),
        TEST(a_domain_that_is_made_again_with_its_uuid_is_watched_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
