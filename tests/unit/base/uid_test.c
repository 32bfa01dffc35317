/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User numbers that belong to nobody. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/uid.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"

static void
a_number_that_a_file_of_the_host_gives_away_is_somebodys(void **context)
{
    static const struct {
        const char *name, *text;
        uint32_t number;
        bool somebodys;
    } rows[] = {
        {"passwd", "a:x:5:6::/:/bin/sh\nb:x:2100000000:1:::\n", 2100000000,
         true},
        {"passwd", "a:x:5:2100000000::/:/bin/sh\n", 2100000000, false},
        {"group", "a:x:2100000001:", 2100000001, true},
        {"subuid", "a:100000:65536\nb:2099999999:2\n", 2100000000, true},
        {"subuid", "a:100000:65536\nb:2099999999:1\n", 2100000000, false},
        {"subgid", "a:165536:65536\n", 165536 + 65535, true},
        {"subgid", "a:165536:65536\n", 165536 + 65536, false},
        {"subuid", "# a comment\n::\nx\nx:y:z\na:1:99999999999999999999\n",
         2100000000, false},
    };
    char *scratch = scratch_new();
    XK_CLEANUP_CLOSE int fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct xk_error err = {0};

    (void)context;
    assert_int_equal(xk_uid_check_nobodys(fd, 2100000000, &err), 0);
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        int expected = rows[i].somebodys ? -1 : 0;

        assert_int_equal(xk_write_file(fd, rows[i].name, rows[i].text,
                                       strlen(rows[i].text), false, &err),
                         0);
        assert_int_equal(xk_uid_check_nobodys(fd, rows[i].number, &err),
                         expected);
        if (rows[i].somebodys)
            assert_int_equal(err.kind, XK_ERR_IN_USE);
        unlinkat(fd, rows[i].name, 0);
    }
    scratch_free(scratch);
}

/* Even root cannot open a link to itself, or read a directory as a file. */
static void
a_file_of_the_host_that_cannot_be_read_may_give_any_number_away(void **context)
{
    static const char *const names[] = {"passwd", "group", "subuid", "subgid"};
    char *scratch = scratch_new();
    XK_CLEANUP_CLOSE int fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)context;
    for (size_t i = 0; i < XK_ARRAY_SIZE(names); i++) {
        for (int directory = 0; directory < 2; directory++) {
            struct xk_error err = {0};

            assert_int_equal(directory ? mkdirat(fd, names[i], 0700)
                                       : symlinkat(names[i], fd, names[i]),
                             0);
            assert_int_equal(xk_uid_check_nobodys(fd, 2100000000, &err), -1);
            assert_int_not_equal(err.kind, XK_ERR_IN_USE);
            assert_non_null(strstr(err.message, names[i]));
            assert_non_null(
                strstr(err.message, strerror(directory ? EISDIR : ELOOP)));
            unlinkat(fd, names[i], directory ? AT_REMOVEDIR : 0);
        }
    }
    scratch_free(scratch);
}

static void
the_numbers_are_outside_what_allocators_hand_out(void **context)
{
    (void)context;
    assert_true(XK_UID_KVM > 2000200000); /* SSSD, FreeIPA */
    assert_true(XK_UID_KVM > 0x6fffffff); /* containers of systemd */
    assert_true(XK_UID_KVM + XK_UID_COUNT <= XK_UID_XEN);
    assert_true(XK_UID_XEN + XK_UID_COUNT <= 0x7ffe0000);
}

static void
a_user_has_a_process_as_long_as_one_lives(void **context)
{
    const uint32_t number = XK_UID_XEN + XK_UID_COUNT - 1;
    int ends[2];
    char byte;
    pid_t pid;

    (void)context;
    if (geteuid() != 0) {
        assert_true(geteuid() != number);
        return;
    }
    assert_int_equal(pipe(ends), 0);
    assert_false(xk_uid_has_process(number));
    pid = fork();
    if (pid == 0) {
        if (setresuid(number, number, number) == 0 &&
            write(ends[1], "1", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_true(xk_uid_has_process(number));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(xk_uid_has_process(number));
    close(ends[0]);
    close(ends[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_number_that_a_file_of_the_host_gives_away_is_somebodys),
        cmocka_unit_test(
            a_file_of_the_host_that_cannot_be_read_may_give_any_number_away),
        cmocka_unit_test(the_numbers_are_outside_what_allocators_hand_out),
        cmocka_unit_test(a_user_has_a_process_as_long_as_one_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
