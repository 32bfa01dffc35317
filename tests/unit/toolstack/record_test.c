/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/fakes/scratch.h"
#include "toolstack/journal.h"
#include "toolstack/record.h"
#include "toolstack/record_config.h"
#include "toolstack/record_look.h"

struct fixture {
    char *scratch;
    struct xk_state state;
    struct xk_uuid uuid;
    struct xk_error err;
};

static int
setup(void **context)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->scratch = scratch_new();
    xk_uuid_random(&f->uuid);
    *context = f;
    return xk_state_open(&f->state, &f->err);
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_state_close(&f->state);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

static struct xk_record *
make(struct fixture *f)
{
    struct xk_record *record =
        xk_record_create(&f->state, &f->uuid, "fake", "create", &f->err);

    assert_non_null(record);
    return record;
}

static void
a_new_record_is_listed_and_can_be_opened(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);
    XK_CLEANUP_RECORD struct xk_record *again = NULL;
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count;

    assert_int_equal(xk_state_list(&f->state, &uuids, &count, &f->err), 0);
    assert_int_equal(count, 1);
    assert_true(xk_uuid_equal(&uuids[0], &f->uuid));
    again = xk_record_open(&f->state, &f->uuid, &f->err);
    assert_non_null(again);
}

static void
a_uuid_has_one_record(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);

    assert_null(
        xk_record_create(&f->state, &f->uuid, "fake", "create", &f->err));
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    assert_int_equal(scratch_count(f->state.run_path, "domains"), 1);
}

static void
a_removed_record_leaves_nothing_and_is_not_found(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);

    assert_int_equal(xk_record_remove(record, &f->err), 0);
    assert_int_equal(scratch_count(f->state.run_path, "domains"), 0);
    assert_null(xk_record_open(&f->state, &f->uuid, &f->err));
    assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
}

static void
a_held_lock_is_refused_naming_the_holder(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *holder = make(f);
    XK_CLEANUP_RECORD struct xk_record *other =
        xk_record_open(&f->state, &f->uuid, &f->err);

    assert_true(xk_record_is_locked(other));
    assert_int_equal(xk_record_try_lock(other, "pause", &f->err), 0);
    assert_int_equal(
        xk_record_lock(other, "pause", xk_deadline_in_ms(30), &f->err), -1);
    assert_int_equal(f->err.kind, XK_ERR_BUSY);
    assert_non_null(strstr(f->err.message, "xk create (pid "));
    xk_record_unlock(holder);
    assert_false(xk_record_is_locked(other));
    assert_int_equal(xk_record_try_lock(other, "pause", &f->err), 1);
}

static void
a_lock_is_taken_over_as_soon_as_its_holder_is_killed(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);
    int ready[2], status;
    char byte;
    pid_t pid;

    xk_record_unlock(record);
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        struct xk_record *own = xk_record_open(&f->state, &f->uuid, NULL);

        if (xk_record_try_lock(own, "pause", NULL) != 1 ||
            write(ready[1], "1", 1) != 1)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(xk_record_try_lock(record, "list", &f->err), 0);
    kill(pid, SIGKILL);
    assert_int_equal(
        xk_record_lock(record, "list", xk_deadline_in_ms(5000), &f->err), 0);
    waitpid(pid, &status, 0);
    close(ready[0]);
    close(ready[1]);
}

static void
locking_a_record_removed_meanwhile_is_not_found(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);
    XK_CLEANUP_RECORD struct xk_record *late =
        xk_record_open(&f->state, &f->uuid, &f->err);

    assert_int_equal(xk_record_remove(record, &f->err), 0);
    xk_record_unlock(record);
    assert_int_equal(
        xk_record_lock(late, "pause", xk_deadline_in_ms(100), &f->err), -1);
    assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
}

static void
a_record_that_lost_its_lock_is_locked_all_the_same(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);
    XK_CLEANUP_RECORD struct xk_record *other =
        xk_record_open(&f->state, &f->uuid, &f->err);

    xk_record_unlock(record);
    assert_int_equal(unlinkat(record->dir_fd, "lock", 0), 0);
    assert_int_equal(
        xk_record_lock(record, "destroy", xk_deadline_in_ms(0), &f->err), 0);
    assert_int_equal(xk_record_try_lock(other, "pause", &f->err), 0);
}

static void
what_was_left_half_made_is_swept(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(mkdirat(f->state.domains_fd, ".new-x", 0700), 0);
    assert_int_equal(mkdirat(f->state.domains_fd, ".removed-y", 0700), 0);
    assert_int_equal(mkdirat(f->state.domains_fd, ".removed-y/z", 0700), 0);
    xk_state_sweep(&f->state);
    assert_int_equal(scratch_count(f->state.run_path, "domains"), 0);
}

static void
the_state_directory_is_closed_to_others(void **context)
{
    struct fixture *f = *context;
    struct stat st;

    assert_int_equal(chmod(f->state.run_path, 0755), 0);
    xk_state_close(&f->state);
    assert_int_equal(xk_state_open(&f->state, &f->err), 0);
    assert_int_equal(stat(f->state.run_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void
a_directory_that_all_share_is_left_as_it_is(void **context)
{
    struct fixture *f = *context;
    struct stat st;

    assert_int_equal(chmod(f->state.run_path, 01777), 0);
    assert_int_equal(xk_state_open(&(struct xk_state){0}, &f->err), -1);
    assert_int_equal(f->err.kind, XK_ERR_HOST);
    assert_int_equal(stat(f->state.run_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 01777);
}

static void
a_state_directory_must_be_absolute(void **context)
{
    struct fixture *f = *context;
    struct xk_state state;

    setenv("XK_STATE_DIR", "relative/path", 1);
    assert_int_equal(xk_state_open(&state, &f->err), -1);
    assert_int_equal(f->err.kind, XK_ERR_USAGE);
}

/* ---- the journal ---- */

static void
an_operation_is_unfinished_from_begin_to_end(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);
    struct xk_journal journal;

    assert_true(xk_journal_is_unfinished(record));
    xk_journal_append(record, XK_JOURNAL_BEGIN, "create", NULL, &f->err);
    xk_journal_append(record, XK_JOURNAL_INTENT, "tap", "vif1.0", &f->err);
    xk_journal_append(record, XK_JOURNAL_DONE, "tap", "vif1.0", &f->err);
    assert_true(xk_journal_is_unfinished(record));
    assert_int_equal(xk_journal_read(record, &journal, &f->err), 0);
    assert_int_equal(journal.count, 3);
    assert_string_equal(journal.entries[1].detail, "vif1.0");
    assert_string_equal(xk_journal_unfinished(&journal)->what, "create");
    xk_journal_free(&journal);
    xk_journal_append(record, XK_JOURNAL_END, "create", NULL, &f->err);
    assert_false(xk_journal_is_unfinished(record));
    xk_journal_append(record, XK_JOURNAL_NOTE, "preserved", NULL, &f->err);
    assert_false(xk_journal_is_unfinished(record));
}

static void
append_raw(struct xk_record *record, const char *text)
{
    int fd = openat(record->dir_fd, "journal", O_WRONLY | O_APPEND);

    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void
a_torn_line_is_as_if_not_written(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);
    struct xk_journal journal;

    xk_journal_append(record, XK_JOURNAL_BEGIN, "create", NULL, &f->err);
    append_raw(record, "0badc0de {\"kind\":\"end\",\"what\":\"cre");
    assert_true(xk_journal_is_unfinished(record));
    xk_journal_append(record, XK_JOURNAL_NOTE, "x", NULL, &f->err);
    assert_int_equal(xk_journal_read(record, &journal, &f->err), 0);
    assert_int_equal(journal.count, 2);
    xk_journal_free(&journal);
}

static void
a_line_with_a_wrong_sum_does_not_count(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);

    xk_journal_append(record, XK_JOURNAL_BEGIN, "create", NULL, &f->err);
    append_raw(record, "00000000 {\"kind\":\"end\",\"what\":\"create\","
                       "\"time_ms\":1}\n");
    assert_true(xk_journal_is_unfinished(record));
}

static void
a_long_journal_is_condensed_by_the_next_operation(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);
    struct stat st;

    for (int i = 0; i < 1500; i++)
        xk_journal_append(record, XK_JOURNAL_NOTE, "note", NULL, &f->err);
    xk_journal_append(record, XK_JOURNAL_BEGIN, "pause", NULL, &f->err);
    assert_int_equal(fstatat(record->dir_fd, "journal", &st, 0), 0);
    assert_true(st.st_size < 5000);
    assert_true(xk_journal_is_unfinished(record));
}

static void
restart_often(const struct xk_record *record, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        xk_journal_append(record, XK_JOURNAL_BEGIN, XK_OP_RESTART, NULL, NULL);
        xk_journal_append(record, XK_JOURNAL_END, XK_OP_RESTART, NULL, NULL);
    }
}

static void
what_a_long_journal_says_of_a_domain_outlives_it(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);
    struct xk_journal journal;

    xk_journal_append(record, XK_JOURNAL_NOTE, XK_NOTE_PRESERVED, NULL, NULL);
    restart_often(record, 5000);
    assert_int_equal(xk_journal_read(record, &journal, &f->err), 0);
    assert_in_range(journal.count, 1, 1500);
    assert_int_equal(xk_journal_starts(&journal), 5000);
    assert_in_range(xk_journal_starts_within(&journal, 60000),
                    XK_JOURNAL_RECENT, 5000);
    assert_int_equal(
        xk_journal_count(&journal, XK_JOURNAL_NOTE, XK_NOTE_PRESERVED, NULL),
        1);
    xk_journal_free(&journal);
}

static void
what_an_unfinished_operation_wrote_stays_in_a_long_journal(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);
    struct xk_journal journal;

    xk_journal_append(record, XK_JOURNAL_BEGIN, XK_OP_RECEIVE, "x", NULL);
    for (int i = 0; i < 1500; i++)
        xk_journal_append(record, XK_JOURNAL_INTENT, "made-file", "y", NULL);
    xk_journal_append(record, XK_JOURNAL_BEGIN, XK_OP_RECEIVE, "z", NULL);
    assert_int_equal(xk_journal_read(record, &journal, &f->err), 0);
    assert_int_equal(journal.count, 1502);
    xk_journal_free(&journal);
}

static void
save_named(struct fixture *f, const struct xk_record *record, const char *name,
           int extra)
{
    XK_CLEANUP_FREE char *text = xk_asprintf(
        "name = '%s'\ntype = 'hvm'\nextra = '%0*d'\n", name, extra, 0);
    struct xk_problems problems = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = xk_config_parse(
        "test.cfg", text, strlen(text), NULL, 0, &problems, &f->err);

    xk_problems_free(&problems);
    assert_non_null(config);
    assert_int_equal(xk_record_save_config(record, config, &f->err), 0);
}

static bool
may_be_named(const struct fixture *f, const char *name)
{
    const char *names[] = {"none-of-these", name};

    return xk_record_may_be_named(&f->state, &f->uuid, names, 2);
}

static void
a_record_of_another_name_is_told_apart_by_a_look(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);

    assert_true(may_be_named(f, "a"));
    save_named(f, record, "web-1.x_2", 1);
    assert_true(may_be_named(f, "web-1.x_2"));
    assert_false(may_be_named(f, "web-1.x_"));
    assert_false(may_be_named(f, "hvm"));
    save_named(f, record, "a + b", 1);
    assert_true(may_be_named(f, "a + b"));
    save_named(f, record, "long", 20000);
    assert_true(may_be_named(f, "long"));
}

static void
write_lock(const struct xk_record *record, const char *text)
{
    XK_CLEANUP_CLOSE int fd =
        openat(record->dir_fd, "lock", O_WRONLY | O_TRUNC | O_CLOEXEC);

    assert_int_equal(xk_write_all(fd, text, strlen(text)), 0);
}

static void
the_holder_of_a_lock_is_that_very_process(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_RECORD struct xk_record *record = make(f);
    XK_CLEANUP_FREE char *another = NULL;
    struct xk_process self, holder;

    assert_true(xk_process_identify(getpid(), &self));
    assert_true(xk_record_holder(record, "create", &holder));
    assert_int_equal(holder.pid, self.pid);
    assert_int_equal(holder.start_ticks, self.start_ticks);
    assert_false(xk_record_holder(record, "migrate", &holder));
    /* One that had this pid before, and a text that is torn. */
    another = xk_asprintf("xk create (pid %d)\n%llu\n", (int)self.pid,
                          (unsigned long long)self.start_ticks - 1);
    write_lock(record, another);
    assert_false(xk_record_holder(record, "create", &holder));
    *strchr(another, '\n') = '\0';
    write_lock(record, another);
    assert_false(xk_record_holder(record, "create", &holder));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_new_record_is_listed_and_can_be_opened),
        T(a_uuid_has_one_record),
        T(the_holder_of_a_lock_is_that_very_process),
        T(a_removed_record_leaves_nothing_and_is_not_found),
        T(a_held_lock_is_refused_naming_the_holder),
        T(a_lock_is_taken_over_as_soon_as_its_holder_is_killed),
        T(locking_a_record_removed_meanwhile_is_not_found),
        T(a_record_that_lost_its_lock_is_locked_all_the_same),
        T(what_was_left_half_made_is_swept),
        T(a_record_of_another_name_is_told_apart_by_a_look),
        T(the_state_directory_is_closed_to_others),
        T(a_directory_that_all_share_is_left_as_it_is),
        T(a_state_directory_must_be_absolute),
        T(an_operation_is_unfinished_from_begin_to_end),
        T(a_torn_line_is_as_if_not_written),
        T(a_line_with_a_wrong_sum_does_not_count),
        T(a_long_journal_is_condensed_by_the_next_operation),
        T(what_a_long_journal_says_of_a_domain_outlives_it),
        T(what_an_unfinished_operation_wrote_stays_in_a_long_journal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
