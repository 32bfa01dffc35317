/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unix_socket.h"
#include "tests/fakes/scratch.h"

static char *path;
static int dir;

static int
dial(const char *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address;
    struct xk_error err;

    assert_int_equal(xk_unix_address(dir, name, &address, &err), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
    return fd;
}

static void
a_socket_takes_the_place_of_an_old_file_with_its_own_mode(void **context)
{
    struct xk_error err;
    struct stat st;
    int old, listener, client;

    (void)context;
    old = openat(dir, "s", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    assert_int_not_equal(old, -1);
    close(old);
    listener = xk_unix_listen(dir, "s", 0600, 1, &err);
    assert_int_not_equal(listener, -1);
    assert_int_equal(fstatat(dir, "s", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
    client = dial("s");
    close(client);
    close(listener);
}

static void
who_listens_is_connected_to_and_nobody_is_an_error(void **context)
{
    struct xk_error err = {0};
    int listening, fd;

    (void)context;
    assert_int_equal(xk_unix_connect(dir, "s", &err), -1);
    assert_int_equal(err.errnum, ENOENT);
    listening = xk_unix_listen(dir, "s", 0, 1, &err);
    fd = xk_unix_connect(dir, "s", &err);
    assert_int_not_equal(fd, -1);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    close(fd);
    close(listening);
    assert_int_equal(xk_unix_connect(dir, "s", &err), -1);
    assert_int_equal(err.errnum, ECONNREFUSED);
}

static void
a_name_that_does_not_fit_is_refused(void **context)
{
    char name[120];
    struct xk_error err;

    (void)context;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(xk_unix_listen(dir, name, 0, 1, &err), -1);
    assert_int_equal(err.kind, XK_ERR_FAILED);
    assert_int_equal(scratch_count(path, "."), 0);
}

static int
setup(void **context)
{
    (void)context;
    path = scratch_new();
    dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return dir == -1 ? -1 : 0;
}

static int
teardown(void **context)
{
    (void)context;
    close(dir);
    scratch_free(path);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_socket_takes_the_place_of_an_old_file_with_its_own_mode, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            who_listens_is_connected_to_and_nobody_is_an_error, setup,
            teardown),
        cmocka_unit_test_setup_teardown(a_name_that_does_not_fit_is_refused,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
