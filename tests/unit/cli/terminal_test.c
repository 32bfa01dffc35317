/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/terminal.h"

#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/unit/test.h"

enum {
    PATIENCE_MS = 5000,
};

struct fixture {
    int master, slave;
    struct xk_terminal terminal;
    struct xk_error err;
};

static int
setup(void **state)
{
    struct fixture *f = XK_NEW(struct fixture);
    struct winsize size = {.ws_row = 31, .ws_col = 80};

    *state = f;
    return openpty(&f->master, &f->slave, NULL, NULL, &size);
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    close(f->master);
    close(f->slave);
    free(f);
    return 0;
}

static bool
is_raw(const struct fixture *f)
{
    struct termios now;

    assert_int_equal(tcgetattr(f->slave, &now), 0);
    return (now.c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

static void
test_a_terminal_is_raw_only_in_between(void **state)
{
    struct fixture *f = *state;

    assert_false(is_raw(f));
    assert_int_equal(xk_terminal_enter(&f->terminal, f->slave, &f->err), 0);
    assert_true(f->terminal.is_raw);
    assert_true(is_raw(f));
    xk_terminal_leave(&f->terminal);
    assert_false(is_raw(f));
    xk_terminal_leave(&f->terminal);
    assert_false(is_raw(f));
}

static void
test_what_is_no_terminal_is_left_alone(void **state)
{
    struct fixture *f = *state;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(xk_terminal_enter(&f->terminal, ends[0], &f->err), 0);
    assert_false(f->terminal.is_raw);
    xk_terminal_leave(&f->terminal);
    close(ends[0]);
    close(ends[1]);
}

static void
test_a_signal_waits_until_the_terminal_is_put_back(void **state)
{
    static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct pollfd poll_fd;

        assert_int_equal(xk_terminal_enter(&f->terminal, f->slave, &f->err), 0);
        assert_int_equal(xk_terminal_take_signal(&f->terminal), 0);
        assert_int_equal(raise(signals[i]), 0);
        poll_fd = (struct pollfd){f->terminal.signal_fd, POLLIN, 0};
        assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
        assert_int_equal(xk_terminal_take_signal(&f->terminal), signals[i]);
        xk_terminal_leave(&f->terminal);
        assert_false(is_raw(f));
    }
}

/* Enter, take one signal, say so with the exit status. */
static void
be_stopped(struct fixture *f)
{
    struct pollfd poll_fd;

    if (xk_terminal_enter(&f->terminal, f->slave, &f->err) == -1)
        _exit(1);
    poll_fd = (struct pollfd){f->terminal.signal_fd, POLLIN, 0};
    kill(getpid(), SIGTSTP);
    if (poll(&poll_fd, 1, PATIENCE_MS) != 1 ||
        xk_terminal_take_signal(&f->terminal) != 0)
        _exit(2);
    _exit(is_raw(f) ? 0 : 3);
}

static void
test_a_stopped_process_gives_the_terminal_back_meanwhile(void **state)
{
    struct fixture *f = *state;
    pid_t child = fork();
    int status;

    assert_int_not_equal(child, -1);
    if (child == 0)
        be_stopped(f);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_false(is_raw(f));
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_the_height_of_a_terminal_is_known(void **state)
{
    struct fixture *f = *state;
    int ends[2];

    assert_int_equal(xk_terminal_lines(f->slave), 31);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(xk_terminal_lines(ends[0]), 24);
    close(ends[0]);
    close(ends[1]);
}

#define terminal_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        terminal_test(test_a_terminal_is_raw_only_in_between),
        terminal_test(test_what_is_no_terminal_is_left_alone),
        terminal_test(test_a_signal_waits_until_the_terminal_is_put_back),
        terminal_test(test_a_stopped_process_gives_the_terminal_back_meanwhile),
        terminal_test(test_the_height_of_a_terminal_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
