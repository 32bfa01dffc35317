/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file_lock.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"

static int file;

/* Another open file description of the file. */
static int
open_again(void)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("/proc/self/fd/%d", file);
    int fd = open(path, O_RDWR | O_CLOEXEC);

    assert_int_not_equal(fd, -1);
    return fd;
}

static void
one_has_a_lock_and_the_others_see_it(void **context)
{
    XK_CLEANUP_CLOSE int fd = open_again();

    (void)context;
    assert_int_equal(xk_file_lock_is_held(file), 0);
    assert_int_equal(xk_file_lock_take(fd), 0);
    assert_int_equal(xk_file_lock_is_held(fd), 0);
    assert_int_equal(xk_file_lock_is_held(file), 1);
    assert_int_equal(xk_file_lock_take(file), -1);
    assert_int_equal(errno, EAGAIN);
    close(xk_take_fd(&fd));
    assert_int_equal(xk_file_lock_is_held(file), 0);
}

static void
what_is_not_open_is_neither_free_nor_held(void **context)
{
    (void)context;
    assert_int_equal(xk_file_lock_is_held(-1), -1);
    assert_int_equal(xk_file_lock_take(-1), -1);
    assert_int_equal(errno, EBADF);
}

static void
a_pid_is_read_as_it_was_written_over_a_longer_one(void **context)
{
    (void)context;
    assert_int_equal(xk_file_lock_read_pid(file), 0);
    assert_int_equal(pwrite(file, "2147483647\n", 11, 0), 11);
    assert_int_equal(xk_file_lock_read_pid(file), 2147483647);
    assert_int_equal(xk_file_lock_write_pid(file), 0);
    assert_int_equal(xk_file_lock_read_pid(file), getpid());
}

static void
what_is_not_a_pid_is_none(void **context)
{
    static const char *const texts[] = {"x\n", "-1\n", "2147483648\n",
                                        "12345678901234567890\n"};

    (void)context;
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        size_t length = strlen(texts[i]);

        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(pwrite(file, texts[i], length, 0), length);
        assert_int_equal(xk_file_lock_read_pid(file), 0);
    }
}

static void
a_file_is_opened_and_locked_by_one(void **context)
{
    char *path = scratch_new();
    XK_CLEANUP_CLOSE int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct xk_error err;
    int first = xk_file_lock_open(dir, "lock", "it is held", &err);

    (void)context;
    assert_int_not_equal(first, -1);
    assert_int_equal(xk_file_lock_open(dir, "lock", "it is held", &err), -1);
    assert_int_equal(err.kind, XK_ERR_IN_USE);
    assert_string_equal(err.message, "it is held");
    close(first);
    first = xk_file_lock_open(dir, "lock", "it is held", &err);
    assert_int_not_equal(first, -1);
    close(first);
    scratch_free(path);
}

static int
setup(void **context)
{
    (void)context;
    file = memfd_create("lock", MFD_CLOEXEC);
    return file == -1 ? -1 : 0;
}

static int
teardown(void **context)
{
    (void)context;
    return close(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_has_a_lock_and_the_others_see_it,
                                        setup, teardown),
        cmocka_unit_test(what_is_not_open_is_neither_free_nor_held),
        cmocka_unit_test_setup_teardown(
            a_pid_is_read_as_it_was_written_over_a_longer_one, setup, teardown),
        cmocka_unit_test(a_file_is_opened_and_locked_by_one),
        cmocka_unit_test_setup_teardown(what_is_not_a_pid_is_none, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
