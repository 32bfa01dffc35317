/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "base/run.h"

enum {
    PATIENCE_MS = 20000,
    SHORT_MS = 500,
    LIMIT = 64,
};

static struct xk_error err;
static struct xk_buf output;
static int status;

static int
set_up(void **state)
{
    (void)state;
    output = (struct xk_buf){0};
    status = -1;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_buf_free(&output);
    return 0;
}

static int
run(const char *script, int ms)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const char *const environment[] = {"PATH=/bin:/usr/bin", "word=one", NULL};

    return xk_run(argv, environment, LIMIT, &output, xk_deadline_in_ms(ms),
                  &status, &err);
}

static void
what_it_prints_and_its_status_are_given(void **state)
{
    (void)state;
    assert_int_equal(run("echo $word; echo two >&2; exit 3", PATIENCE_MS), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_string_equal(output.data, "one\ntwo\n");
}

static void
it_has_no_other_variables_than_it_was_given(void **state)
{
    (void)state;
    assert_int_equal(setenv("SECRET", "x", 1), 0);
    assert_int_equal(run("echo $SECRET.", PATIENCE_MS), 0);
    assert_string_equal(output.data, ".\n");
}

static void
output_beyond_the_limit_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(run("head -c 100000 /dev/zero | tr '\\0' a", PATIENCE_MS),
                     0);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(output.length, LIMIT);
}

static void
a_child_that_runs_on_is_not_waited_for(void **state)
{
    pid_t child;

    (void)state;
    assert_int_equal(run("sleep 1000 & echo $!", PATIENCE_MS), 0);
    child = (pid_t)atoi(output.data);
    assert_int_equal(kill(child, SIGKILL), 0);
}

static void
at_the_deadline_it_ends_with_its_children(void **state)
{
    struct xk_deadline patience = xk_deadline_in_ms(PATIENCE_MS);
    struct xk_process child;

    (void)state;
    assert_int_equal(run("sleep 1000 & echo $!; wait", SHORT_MS), -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    if (!xk_process_identify((pid_t)atoi(output.data), &child))
        return;
    while (xk_process_alive(&child))
        assert_true(xk_deadline_pause(patience, 10));
}

static void
a_program_that_is_not_there_is_an_error(void **state)
{
    const char *const argv[] = {"/nosuch/program", NULL};
    const char *const environment[] = {NULL};

    (void)state;
    assert_int_equal(xk_run(argv, environment, LIMIT, &output,
                            xk_deadline_in_ms(PATIENCE_MS), &status, &err),
                     -1);
    assert_non_null(strstr(err.message, "/nosuch/program"));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_it_prints_and_its_status_are_given),
        T(it_has_no_other_variables_than_it_was_given),
        T(output_beyond_the_limit_is_dropped),
        T(a_child_that_runs_on_is_not_waited_for),
        T(at_the_deadline_it_ends_with_its_children),
        T(a_program_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
