/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "tests/fakes/scratch.h"

static ssize_t most = -1; /* bytes that a write accepts; -1: all */
static int fail_with;     /* errno of the next write; 0: none */

ssize_t __real_write(int fd, const void *data, size_t length);
ssize_t __wrap_write(int fd, const void *data, size_t length);

ssize_t
__wrap_write(int fd, const void *data, size_t length)
{
    if (fail_with != 0) {
        errno = fail_with;
        fail_with = 0;
        return -1;
    }
    if (most > 0 && length > (size_t)most)
        length = (size_t)most;
    return __real_write(fd, data, length);
}

struct folder {
    char *path;
    int fd;
};

static int
set_up(void **state)
{
    struct folder *folder = XK_NEW(struct folder);

    folder->path = scratch_new();
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = folder;
    most = -1;
    fail_with = 0;
    return folder->fd == -1 ? -1 : 0;
}

static int
tear_down(void **state)
{
    struct folder *folder = *state;

    close(folder->fd);
    scratch_free(folder->path);
    free(folder);
    return 0;
}

static void
assert_holds(const struct folder *folder, const char *name, const char *text)
{
    XK_CLEANUP_BUF struct xk_buf got = {0};

    assert_int_equal(xk_read_file(folder->fd, name, 100, &got, NULL), 0);
    assert_string_equal(got.data, text);
}

static void
a_file_is_replaced_whole_and_is_its_owners(void **state)
{
    struct folder *folder = *state;
    struct stat st;

    assert_int_equal(xk_write_file(folder->fd, "f", "first", 5, true, NULL), 0);
    assert_int_equal(xk_write_file(folder->fd, "f", "2nd", 3, false, NULL), 0);
    assert_holds(folder, "f", "2nd");
    assert_int_equal(fstatat(folder->fd, "f", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(scratch_count(folder->path, "."), 1);
}

static void
a_failed_write_leaves_the_old_file_and_no_debris(void **state)
{
    struct folder *folder = *state;
    struct xk_error err = {0};

    assert_int_equal(xk_write_file(folder->fd, "f", "old", 3, false, NULL), 0);
    fail_with = ENOSPC;
    assert_int_equal(xk_write_file(folder->fd, "f", "new", 3, false, &err), -1);
    assert_non_null(strstr(err.message, strerror(ENOSPC)));
    assert_holds(folder, "f", "old");
    assert_int_equal(scratch_count(folder->path, "."), 1);
}

static void
short_and_interrupted_writes_are_gone_on_with(void **state)
{
    struct folder *folder = *state;

    most = 1;
    fail_with = EINTR;
    assert_int_equal(xk_write_file(folder->fd, "f", "whole", 5, false, NULL),
                     0);
    assert_holds(folder, "f", "whole");
}

static void
a_file_over_the_limit_is_refused(void **state)
{
    struct folder *folder = *state;
    XK_CLEANUP_BUF struct xk_buf got = {0};
    struct xk_error err = {0};

    assert_int_equal(xk_write_file(folder->fd, "f", "12345", 5, false, NULL),
                     0);
    assert_int_equal(xk_read_file(folder->fd, "f", 5, &got, NULL), 0);
    assert_int_equal(xk_read_file(folder->fd, "f", 4, &got, &err), -1);
    assert_int_equal(err.kind, XK_ERR_FAILED);
    assert_int_equal(xk_read_file(folder->fd, "none", 4, &got, &err), -1);
    assert_non_null(strstr(err.message, "none"));
}

static void
directories_are_made_with_their_parents(void **state)
{
    struct folder *folder = *state;
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/a/b/c", folder->path);
    struct xk_error err = {0};
    struct stat st;

    assert_int_equal(xk_make_dirs(path, 0700, NULL), 0);
    assert_int_equal(xk_make_dirs(path, 0700, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(xk_write_file(folder->fd, "file", "", 0, false, NULL), 0);
    free(path);
    path = xk_asprintf("%s/file/d", folder->path);
    assert_int_equal(xk_make_dirs(path, 0700, &err), -1);
    assert_non_null(strstr(err.message, "file"));
}

static void
a_path_is_made_absolute_once(void **state)
{
    XK_CLEANUP_FREE char *here = getcwd(NULL, 0);
    XK_CLEANUP_FREE char *wanted = xk_asprintf("%s/a/b", here);
    XK_CLEANUP_FREE char *path = xk_strdup("a/b"), *empty = xk_strdup("");
    char *none = NULL;

    (void)state;
    assert_int_equal(xk_make_absolute(&path, NULL), 0);
    assert_string_equal(path, wanted);
    assert_int_equal(xk_make_absolute(&path, NULL), 0);
    assert_string_equal(path, wanted);
    assert_int_equal(xk_make_absolute(&empty, NULL), 0);
    assert_string_equal(empty, "");
    assert_int_equal(xk_make_absolute(&none, NULL), 0);
    assert_null(none);
}

/* Paths are kept as JSON, which would change a name that is not UTF-8. */
static void
a_current_directory_that_is_no_utf8_is_put_before_nothing(void **state)
{
    struct folder *folder = *state;
    XK_CLEANUP_FREE char *here = getcwd(NULL, 0);
    XK_CLEANUP_FREE char *latin = xk_asprintf("%s/\xe9", folder->path);
    XK_CLEANUP_FREE char *path = xk_strdup("a");

    assert_int_equal(mkdir(latin, 0700), 0);
    assert_int_equal(chdir(latin), 0);
    assert_int_equal(xk_make_absolute(&path, NULL), -1);
    assert_string_equal(path, "a");
    assert_int_equal(chdir(here), 0);
}

static void
a_tree_is_removed_and_what_links_point_to_stays(void **state)
{
    struct folder *folder = *state;
    XK_CLEANUP_FREE char *deep = xk_asprintf("%s/tree/x/y", folder->path);
    XK_CLEANUP_FREE char *kept = xk_asprintf("%s/kept", folder->path);
    XK_CLEANUP_FREE char *link = xk_asprintf("%s/tree/x/out", folder->path);

    assert_int_equal(xk_make_dirs(deep, 0700, NULL), 0);
    assert_int_equal(xk_make_dirs(kept, 0700, NULL), 0);
    assert_int_equal(symlink(kept, link), 0);
    assert_int_equal(xk_write_file(folder->fd, "kept/f", "x", 1, false, NULL),
                     0);
    assert_int_equal(xk_remove_tree(folder->fd, "tree", NULL), 0);
    assert_int_equal(xk_remove_tree(folder->fd, "tree", NULL), 0);
    assert_int_equal(scratch_count(folder->path, "."), 1);
    assert_int_equal(scratch_count(folder->path, "kept"), 1);
}

/* ---- a directory that others have open ---- */

struct maker {
    int dir_fd;
    int made;
};

/* Make a file each time the removal has emptied the directory; fewer times than
 * the removal tries, and only until the directory is gone. */
static void *
make_files(void *context)
{
    struct maker *maker = context;

    while (maker->made < 8) {
        int fd =
            openat(maker->dir_fd, "late", O_WRONLY | O_CREAT | O_EXCL, 0600);

        if (fd != -1) {
            close(fd);
            maker->made++;
        } else if (errno == ENOENT) {
            break;
        }
    }
    return NULL;
}

static void
a_directory_in_which_files_are_made_meanwhile_is_removed(void **context)
{
    char *scratch = scratch_new();
    struct xk_error err = {0};

    (void)context;
    for (int i = 0; i < 200; i++) {
        XK_CLEANUP_FREE char *path = xk_asprintf("%s/dir", scratch);
        struct maker maker = {0};
        pthread_t thread;

        assert_int_equal(mkdir(path, 0700), 0);
        maker.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(pthread_create(&thread, NULL, make_files, &maker), 0);
        if (xk_remove_tree(AT_FDCWD, path, &err) == -1)
            fail_msg("%s", err.message);
        assert_int_equal(pthread_join(thread, NULL), 0);
        close(maker.dir_fd);
    }
    scratch_free(scratch);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_file_is_replaced_whole_and_is_its_owners),
        T(a_failed_write_leaves_the_old_file_and_no_debris),
        T(short_and_interrupted_writes_are_gone_on_with),
        T(a_file_over_the_limit_is_refused),
        T(directories_are_made_with_their_parents),
        T(a_path_is_made_absolute_once),
        T(a_current_directory_that_is_no_utf8_is_put_before_nothing),
        T(a_tree_is_removed_and_what_links_point_to_stays),
        T(a_directory_in_which_files_are_made_meanwhile_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
