/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that an operation makes outside the record, and undoing them. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "toolstack/created_file.h"
#include "toolstack/journal.h"
#include "toolstack/record.h"

struct fixture {
    char *scratch;
    char *path; /* of a file to be made, alone in its folder */
    struct xk_state state;
    struct xk_record *record;
    struct xk_error err;
};

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);
    char *folder;
    struct xk_uuid uuid;

    f->scratch = scratch_new();
    folder = xk_asprintf("%s/images", f->scratch);
    mkdir(folder, 0700);
    f->path = xk_asprintf("%s/a.img", folder);
    free(folder);
    xk_uuid_random(&uuid);
    assert_int_equal(xk_state_open(&f->state, &f->err), 0);
    f->record = xk_record_create(&f->state, &uuid, "fake", "test", &f->err);
    assert_non_null(f->record);
    xk_journal_append(f->record, XK_JOURNAL_BEGIN, "receive", NULL, &f->err);
    *context = f;
    return 0;
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_record_close(f->record);
    xk_state_close(&f->state);
    scratch_free(f->scratch);
    free(f->path);
    free(f);
    return 0;
}

/* ---- ways to fill it ---- */

static int
fill(int fd, const char *path, const void *context, struct xk_error *err)
{
    (void)path;
    (void)err;
    return xk_write_all(fd, context, strlen(context));
}

static int
fail_to_fill(int fd, const char *path, const void *context,
             struct xk_error *err)
{
    fill(fd, path, context, err);
    return xk_fail(err, XK_ERR_FAILED, "the disk is full");
}

static int
die_while_filling(int fd, const char *path, const void *context,
                  struct xk_error *err)
{
    fill(fd, path, context, err);
    _exit(9);
}

static size_t
files(const struct fixture *f)
{
    return scratch_count(f->scratch, "images");
}

static void
assert_holds(const struct fixture *f, const char *text)
{
    struct xk_buf buf = {0};

    assert_int_equal(xk_read_file(AT_FDCWD, f->path, 100, &buf, NULL), 0);
    assert_string_equal(buf.data, text);
    xk_buf_free(&buf);
}

/* ---- tests ---- */

static void
a_file_is_made_closed_to_others(void **context)
{
    struct fixture *f = *context;
    struct stat st;

    assert_int_equal(xk_made_file(f->record, f->path, fill, "new", &f->err), 0);
    assert_int_equal(files(f), 1);
    assert_holds(f, "new");
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void
a_file_that_is_there_is_not_replaced(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(xk_write_file(AT_FDCWD, f->path, "old", 3, false, &f->err),
                     0);
    assert_int_equal(xk_made_file(f->record, f->path, fill, "new", &f->err),
                     -1);
    assert_int_equal(f->err.kind, XK_ERR_EXISTS);
    xk_made_files_remove(f->record);
    assert_int_equal(files(f), 1);
    assert_holds(f, "old");
}

static void
one_that_cannot_be_filled_leaves_nothing(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(
        xk_made_file(f->record, f->path, fail_to_fill, "new", &f->err), -1);
    assert_non_null(strstr(f->err.message, "the disk is full"));
    assert_int_equal(files(f), 0);
}

static void
what_was_made_is_removed(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(xk_made_file(f->record, f->path, fill, "new", &f->err), 0);
    xk_made_files_remove(f->record);
    assert_int_equal(files(f), 0);
    xk_made_files_remove(f->record);
}

static void
what_a_killed_process_made_in_part_is_removed(void **context)
{
    struct fixture *f = *context;
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        xk_made_file(f->record, f->path, die_while_filling, "half", &f->err);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 9);
    assert_int_equal(files(f), 1);
    assert_int_equal(access(f->path, F_OK), -1);
    xk_made_files_remove(f->record);
    assert_int_equal(files(f), 0);
}

static void
another_file_of_that_name_is_not_removed(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(xk_made_file(f->record, f->path, fill, "new", &f->err), 0);
    /* Both exist for a moment, so that the other is another inode. */
    assert_int_equal(
        xk_write_file(AT_FDCWD, f->path, "other", 5, false, &f->err), 0);
    xk_made_files_remove(f->record);
    assert_holds(f, "other");
}

static void
what_an_operation_made_that_ended_is_not_removed(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(xk_made_file(f->record, f->path, fill, "new", &f->err), 0);
    xk_journal_append(f->record, XK_JOURNAL_END, "receive", NULL, &f->err);
    xk_made_files_remove(f->record);
    assert_holds(f, "new");
    xk_journal_append(f->record, XK_JOURNAL_BEGIN, "migrate", NULL, &f->err);
    xk_made_files_remove(f->record);
    assert_holds(f, "new");
}

static void
a_folder_that_is_missing_is_named(void **context)
{
    struct fixture *f = *context;

    assert_int_equal(
        xk_made_file(f->record, "/nowhere/at/all.img", fill, "new", &f->err),
        -1);
    assert_non_null(strstr(f->err.message, "/nowhere/at/all.img"));
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_file_is_made_closed_to_others),
        T(a_file_that_is_there_is_not_replaced),
        T(one_that_cannot_be_filled_leaves_nothing),
        T(what_was_made_is_removed),
        T(what_a_killed_process_made_in_part_is_removed),
        T(another_file_of_that_name_is_not_removed),
        T(what_an_operation_made_that_ended_is_not_removed),
        T(a_folder_that_is_missing_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
