/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/deadline.h"

static int quiet_polls; /* this many polls return at once with nothing */
static int interrupted_polls;
static int polls;

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int
__wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    polls++;
    if (interrupted_polls > 0) {
        interrupted_polls--;
        errno = EINTR;
        return -1;
    }
    if (quiet_polls > 0) {
        quiet_polls--;
        return 0;
    }
    return __real_poll(fds, count, timeout);
}

static void
time_left_is_rounded_up_and_never_negative(void **state)
{
    struct xk_deadline soon = xk_deadline_in_ms(10000);

    (void)state;
    assert_in_range(xk_deadline_left_ms(soon), 9000, 10000);
    assert_int_equal(xk_deadline_left_ms(xk_deadline_in_ms(0)), 0);
    assert_int_equal(xk_deadline_left_ms((struct xk_deadline){1}), 0);
    assert_int_equal(
        xk_deadline_left_ms((struct xk_deadline){xk_now_ns() + 500000000}),
        500);
}

static void
never_is_never(void **state)
{
    (void)state;
    assert_int_equal(xk_deadline_left_ms(xk_deadline_never()), INT_MAX);
    assert_int_equal(xk_deadline_poll_ms(xk_deadline_never()), -1);
    assert_true(xk_deadline_in_ms(INT64_MAX).at_ns == INT64_MAX);
}

static void
a_time_in_the_past_has_passed(void **state)
{
    (void)state;
    assert_int_equal(xk_deadline_left_ms(xk_deadline_in_ms(-1)), 0);
    assert_int_equal(xk_deadline_left_ms(xk_deadline_in_ms(INT64_MIN)), 0);
}

static void
a_far_deadline_is_capped_for_poll(void **state)
{
    struct xk_deadline far = xk_deadline_in_ms((int64_t)INT_MAX * 10);

    (void)state;
    assert_int_equal(xk_deadline_left_ms(far), INT_MAX);
    assert_int_equal(xk_deadline_poll_ms(far), INT_MAX);
}

static void
the_sooner_of_two_counts(void **state)
{
    struct xk_deadline a = {100}, b = {200};

    (void)state;
    assert_true(xk_deadline_min(a, b).at_ns == 100);
    assert_true(xk_deadline_min(b, a).at_ns == 100);
    assert_true(xk_deadline_min(xk_deadline_never(), b).at_ns == 200);
}

static void
polling_returns_what_is_ready(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(xk_deadline_poll(xk_deadline_in_ms(10000), ends[0], POLLIN,
                                      "a pipe", NULL),
                     POLLIN);
    close(ends[1]);
    close(ends[0]);
}

static void
a_silent_peer_is_a_timeout_that_names_it(void **state)
{
    struct xk_error err;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(xk_deadline_poll(xk_deadline_in_ms(20), ends[0], POLLIN,
                                      "a pipe", &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    assert_string_equal(err.message, "a pipe did not answer in time");
    close(ends[1]);
    close(ends[0]);
}

static void
a_signal_does_not_end_the_wait(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    interrupted_polls = 2;
    polls = 0;
    assert_int_equal(xk_deadline_poll(xk_deadline_in_ms(10000), ends[0], POLLIN,
                                      "a pipe", NULL),
                     POLLIN);
    assert_int_equal(polls, 3);
    close(ends[1]);
    close(ends[0]);
}

static void
a_pause_ends_with_its_deadline_and_keeps_errno(void **state)
{
    struct xk_deadline deadline = xk_deadline_in_ms(30);
    int64_t begin = xk_now_ns();

    (void)state;
    errno = EBUSY;
    assert_true(xk_deadline_pause(deadline, 60000));
    assert_int_equal(errno, EBUSY);
    assert_in_range(xk_now_ns() - begin, 29 * 1000000, INT64_C(30000000000));
    assert_false(xk_deadline_pause(deadline, 60000));
    assert_int_equal(errno, EBUSY);
}

/* poll(2) takes at most INT_MAX ms, 24 days; a deadline may be later. */
static void
a_wait_goes_on_where_poll_could_not_wait_long_enough(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    quiet_polls = 2;
    polls = 0;
    assert_int_equal(xk_deadline_poll(xk_deadline_in_ms((int64_t)INT_MAX * 10),
                                      ends[0], POLLIN, "a pipe", NULL),
                     POLLIN);
    assert_int_equal(polls, 3);
    close(ends[1]);
    close(ends[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_left_is_rounded_up_and_never_negative),
        cmocka_unit_test(never_is_never),
        cmocka_unit_test(a_time_in_the_past_has_passed),
        cmocka_unit_test(a_far_deadline_is_capped_for_poll),
        cmocka_unit_test(the_sooner_of_two_counts),
        cmocka_unit_test(polling_returns_what_is_ready),
        cmocka_unit_test(a_silent_peer_is_a_timeout_that_names_it),
        cmocka_unit_test(a_pause_ends_with_its_deadline_and_keeps_errno),
        cmocka_unit_test(a_signal_does_not_end_the_wait),
        cmocka_unit_test(a_wait_goes_on_where_poll_could_not_wait_long_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
