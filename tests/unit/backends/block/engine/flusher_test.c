/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flusher: whom it obeys, when it ends, and what its end means for a
 * backend that waits for its answer. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backends/block/engine/flusher.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/unit/backends/block/engine/world.h"
#include "tests/unit/test.h"

static void
a_flusher_goes_with_its_device_and_with_another_image(void **state)
{
    XK_CLEANUP_FREE char *other = xk_asprintf("%s/other", folder);
    XK_CLEANUP_CLOSE int fd = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct xk_flusher_options options = {.path = flusher, .image_fd = fd};
    pid_t first, second;

    (void)state;
    make(false);
    assert_int_equal(xk_flusher_find(&options, &err), 0);
    assert_int_equal(xk_flusher_start(&options, &err), 0);
    assert_int_equal(xk_flusher_find(&options, &err), 1);
    first = flusher_pid();
    options.image_fd = open(target(), O_RDWR | O_CLOEXEC);
    assert_int_equal(xk_flusher_find(&options, &err), 0);
    assert_int_equal(xk_flusher_start(&options, &err), 0);
    close(options.image_fd);
    await_end_of(first);
    second = flusher_pid();
    assert_int_equal(unlink(flusher), 0);
    await_end_of(second);
}

/* With the flusher the result of the first backend's flush is lost. */
static void
a_flusher_that_ends_before_it_tells_is_a_failed_flush(void **state)
{
    struct backend next;

    (void)state;
    kill_while_it_flushes(true, true, false);
    assert_int_equal(begin(&next, true, WAIT_MS), 0);
    assert_true(next.knows_flushes);
    next.engine->owed = true;
    kill_flusher();
    assert_int_equal(run(&next, XK_IO_FLUSH, 0), EIO);
    end(&next);
}

static void
a_flusher_that_has_told_owes_nothing(void **state)
{
    struct backend next;

    (void)state;
    kill_while_it_flushes(true, false, false);
    assert_int_equal(begin(&next, true, WAIT_MS), 0);
    next.engine->owed = true;
    assert_int_equal(run(&next, XK_IO_FLUSH, 0), 0);
    kill_flusher();
    assert_int_equal(run(&next, XK_IO_FLUSH, 0), 0);
    end(&next);
}

static int
connection_to_flusher(void)
{
    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_un peer = {0};
        socklen_t length = sizeof(peer) - 1;

        if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
            strcmp(peer.sun_path, flusher) == 0)
            return fd;
    }
    return -1;
}

static void
a_flusher_that_cannot_be_asked_is_not_done_without(void **state)
{
    struct backend backend;
    int full, fd;

    (void)state;
    make(true);
    assert_int_equal(begin(&backend, true, WAIT_MS), 0);
    full = open("/dev/full", O_RDWR | O_CLOEXEC);
    fd = connection_to_flusher();
    assert_int_not_equal(fd, -1);
    assert_int_equal(dup2(full, fd), fd);
    close(full);
    assert_int_equal(run(&backend, XK_IO_FLUSH, 0), ENOSPC);
    end(&backend);
}

static void
say(int fd, char word)
{
    assert_int_equal(send(fd, &word, 1, MSG_NOSIGNAL), 1);
}

static void
a_flusher_that_may_know_of_a_failure_is_not_ended_by_a_word(void **state)
{
    struct backend backend;
    int32_t answer;
    int fd;

    (void)state;
    make(true);
    assert_int_equal(begin(&backend, true, WAIT_MS), 0);
    fd = connection_to_flusher();
    say(fd, XK_FLUSHER_FLUSH);
    assert_int_equal(recv(fd, &answer, sizeof(answer), 0), sizeof(answer));
    xk_flusher_end(fd);
    assert_int_not_equal(flusher_pid(), 0);
    end(&backend);
}

static void
a_flusher_that_nobody_has_asked_ends_by_a_word(void **state)
{
    struct backend backend;
    pid_t pid;

    (void)state;
    make(true);
    assert_int_equal(begin(&backend, true, WAIT_MS), 0);
    pid = flusher_pid();
    assert_int_not_equal(pid, 0);
    xk_flusher_end(connection_to_flusher());
    await_end_of(pid);
    end(&backend);
}

static int
refuse(void *context, struct xk_error *why)
{
    (void)context;
    return xk_fail(why, XK_ERR_SYSTEM, "no jail");
}

static void
a_flusher_without_a_jail_is_none(void **state)
{
    struct xk_flusher_options options = {.path = flusher, .jail = refuse};

    (void)state;
    make(false);
    options.image_fd = open(target(), O_RDWR | O_CLOEXEC);
    assert_int_equal(xk_flusher_start(&options, &err), -1);
    close(options.image_fd);
}

/* A stopped flusher still knows the results of flushes. */
static void
a_flusher_that_is_stopped_is_found(void **state)
{
    struct xk_flusher_options options = {.path = flusher};

    (void)state;
    make(false);
    options.image_fd = open(target(), O_RDWR | O_CLOEXEC);
    assert_int_equal(xk_flusher_start(&options, &err), 0);
    assert_int_equal(kill(flusher_pid(), SIGSTOP), 0);
    assert_int_equal(unlink(flusher), 0);
    assert_int_equal(xk_flusher_find(&options, &err), 1);
    close(options.image_fd);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_flusher_goes_with_its_device_and_with_another_image),
        T(a_flusher_that_ends_before_it_tells_is_a_failed_flush),
        T(a_flusher_that_has_told_owes_nothing),
        T(a_flusher_that_cannot_be_asked_is_not_done_without),
        T(a_flusher_that_may_know_of_a_failure_is_not_ended_by_a_word),
        T(a_flusher_that_nobody_has_asked_ends_by_a_word),
        T(a_flusher_without_a_jail_is_none),
        T(a_flusher_that_is_stopped_is_found),
    };

    if (geteuid() != 0) {
        print_message("needs root, to mount a file system of its own\n");
        return 77;
    }
    signal(SIGPIPE, SIG_IGN); /* as xk-backend does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
