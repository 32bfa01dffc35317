/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/number.h"
#include "base/util.h"

static const char
    *const not_numbers[] =
        {
            "",    " ",   " 1",  "1 ",  "+1",       "1x",  "0x10",
            "1e3", "1.0", "--",  "--1", "-",        "1\n", "\t1",
            "1,0", "one", "- 1", "1-",  "\xd9\xa1", /* an Arabic digit */
};

static void
decimal_digits_are_a_number(void **state)
{
    uint64_t value = 7;

    (void)state;
    assert_true(xk_parse_u64("0", UINT64_MAX, &value));
    assert_int_equal(value, 0);
    assert_true(xk_parse_u64("007", UINT64_MAX, &value));
    assert_int_equal(value, 7);
    assert_true(xk_parse_u64("18446744073709551615", UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
}

static void
anything_else_is_refused_and_the_value_untouched(void **state)
{
    uint64_t value = 7;
    int64_t integer = -7;

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(not_numbers); i++) {
        assert_false(xk_parse_u64(not_numbers[i], UINT64_MAX, &value));
        assert_false(
            xk_parse_i64(not_numbers[i], INT64_MIN, INT64_MAX, &integer));
    }
    assert_false(xk_parse_u64("-1", UINT64_MAX, &value));
    assert_int_equal(value, 7);
    assert_int_equal(integer, -7);
}

static void
what_does_not_fit_is_refused(void **state)
{
    uint64_t value = 7;

    (void)state;
    assert_false(xk_parse_u64("18446744073709551616", UINT64_MAX, &value));
    assert_false(xk_parse_u64("99999999999999999999", UINT64_MAX, &value));
    assert_false(xk_parse_u64("11", 10, &value));
    assert_true(xk_parse_u64("10", 10, &value));
    assert_int_equal(value, 10);
}

static void
signed_bounds_are_inclusive(void **state)
{
    int64_t value = 0;

    (void)state;
    assert_true(xk_parse_i64("-5", -5, 5, &value));
    assert_int_equal(value, -5);
    assert_true(xk_parse_i64("5", -5, 5, &value));
    assert_int_equal(value, 5);
    assert_true(xk_parse_i64("-0", -5, 5, &value));
    assert_int_equal(value, 0);
    assert_false(xk_parse_i64("6", -5, 5, &value));
    assert_false(xk_parse_i64("-6", -5, 5, &value));
}

static void
the_whole_range_can_be_read(void **state)
{
    int64_t value = 0;

    (void)state;
    assert_true(
        xk_parse_i64("9223372036854775807", INT64_MIN, INT64_MAX, &value));
    assert_true(value == INT64_MAX);
    assert_true(
        xk_parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &value));
    assert_true(value == INT64_MIN);
    assert_false(
        xk_parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &value));
    assert_false(
        xk_parse_i64("-9223372036854775809", INT64_MIN, INT64_MAX, &value));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_digits_are_a_number),
        cmocka_unit_test(anything_else_is_refused_and_the_value_untouched),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(signed_bounds_are_inclusive),
        cmocka_unit_test(the_whole_range_can_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
