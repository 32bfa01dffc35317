/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void
a_failure_fills_kind_and_message(void **state)
{
    struct xk_error err = {.errnum = 5};

    (void)state;
    assert_int_equal(xk_fail(&err, XK_ERR_STATE, "domain \"%s\"", "a"), -1);
    assert_int_equal(err.kind, XK_ERR_STATE);
    assert_int_equal(err.errnum, 0);
    assert_string_equal(err.message, "domain \"a\"");
}

static void
a_failed_system_call_ends_in_its_reason(void **state)
{
    struct xk_error err;

    (void)state;
    errno = ENOSPC;
    assert_int_equal(xk_fail_errno(&err, "write \"%s\"", "f"), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(err.errnum, ENOSPC);
    assert_int_equal(err.kind, XK_ERR_SYSTEM);
    assert_string_equal(err.message, "write \"f\": No space left on device");
}

static void
a_missing_permission_is_the_hosts_fault(void **state)
{
    struct xk_error err;

    (void)state;
    errno = EACCES;
    xk_fail_errno(&err, "open");
    assert_int_equal(err.kind, XK_ERR_HOST);
    errno = EPERM;
    xk_fail_errno(&err, "open");
    assert_int_equal(err.kind, XK_ERR_HOST);
}

static void
context_is_put_in_front_and_the_kind_stays(void **state)
{
    struct xk_error err;

    (void)state;
    xk_fail(&err, XK_ERR_NOT_FOUND, "no such domain");
    assert_int_equal(xk_wrap(&err, "pause domain \"%s\"", "b"), -1);
    assert_int_equal(err.kind, XK_ERR_NOT_FOUND);
    assert_string_equal(err.message, "pause domain \"b\": no such domain");
}

static void
nobody_needs_to_take_the_error(void **state)
{
    (void)state;
    assert_int_equal(xk_fail(NULL, XK_ERR_FAILED, "x"), -1);
    assert_int_equal(xk_fail_errno(NULL, "x"), -1);
    assert_int_equal(xk_wrap(NULL, "x"), -1);
}

static void
a_message_may_quote_the_one_it_replaces(void **state)
{
    struct xk_error err;

    (void)state;
    xk_fail(&err, XK_ERR_FAILED, "inner");
    xk_fail(&err, XK_ERR_FAILED, "outer <%s>", err.message);
    assert_string_equal(err.message, "outer <inner>");
    errno = ENOENT;
    xk_fail_errno(&err, "again <%s>", err.message);
    assert_string_equal(err.message,
                        "again <outer <inner>>: No such file or directory");
    xk_wrap(&err, "%.5s", err.message);
    assert_string_equal(
        err.message, "again: again <outer <inner>>: No such file or directory");
}

/* A path of the greatest length must not push out the reason. */
static void
a_long_name_does_not_hide_the_reason(void **state)
{
    static char path[4096];
    struct xk_error err;
    const char *tail;

    (void)state;
    memset(path, 'p', sizeof(path) - 1);
    errno = ENOENT;
    xk_fail_errno(&err, "open \"%s\"", path);
    tail = strrchr(err.message, ':');
    assert_non_null(tail);
    assert_string_equal(tail, ": No such file or directory");

    xk_wrap(&err, "read \"%s\"", path);
    assert_memory_equal(err.message, "read \"ppp", 9);
    tail = strrchr(err.message, ':');
    assert_non_null(tail);
    assert_string_equal(tail, ": No such file or directory");
}

static void
every_kind_has_its_exit_status_and_name(void **state)
{
    static const struct {
        enum xk_error_kind kind;
        int status;
        const char *name;
    } contract[] = {
        {XK_ERR_FAILED, 1, "failed"},
        {XK_ERR_SYSTEM, 1, "system"},
        {XK_ERR_PROTOCOL, 1, "protocol"},
        {XK_ERR_USAGE, 2, "usage"},
        {XK_ERR_CONFIG, 2, "config"},
        {XK_ERR_NOT_FOUND, 3, "not-found"},
        {XK_ERR_EXISTS, 4, "exists"},
        {XK_ERR_IN_USE, 4, "in-use"},
        {XK_ERR_STATE, 5, "wrong-state"},
        {XK_ERR_BUSY, 5, "busy"},
        {XK_ERR_UNSUPPORTED, 6, "unsupported"},
        {XK_ERR_TIMEOUT, 7, "timed-out"},
        {XK_ERR_HOST, 8, "host"},
    };

    (void)state;
    assert_int_equal(sizeof(contract) / sizeof(contract[0]), XK_ERR_COUNT);
    for (int i = 0; i < XK_ERR_COUNT; i++) {
        assert_int_equal(contract[i].kind, i);
        assert_int_equal(xk_error_exit_status(i), contract[i].status);
        assert_string_equal(xk_error_kind_name(i), contract[i].name);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_fills_kind_and_message),
        cmocka_unit_test(a_failed_system_call_ends_in_its_reason),
        cmocka_unit_test(a_missing_permission_is_the_hosts_fault),
        cmocka_unit_test(context_is_put_in_front_and_the_kind_stays),
        cmocka_unit_test(nobody_needs_to_take_the_error),
        cmocka_unit_test(a_message_may_quote_the_one_it_replaces),
        cmocka_unit_test(a_long_name_does_not_hide_the_reason),
        cmocka_unit_test(every_kind_has_its_exit_status_and_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
