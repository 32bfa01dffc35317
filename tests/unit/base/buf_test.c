/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"

static void
what_is_appended_stands_in_order_and_ends_in_nul(void **state)
{
    XK_CLEANUP_BUF struct xk_buf buf = {0};

    (void)state;
    xk_buf_puts(&buf, "ab");
    xk_buf_append(&buf, "c\0d", 3);
    xk_buf_printf(&buf, "%d%s", 42, "!");
    assert_int_equal(buf.length, 8);
    assert_memory_equal(buf.data, "abc\0d42!", 9);
}

static void
an_empty_buffer_has_no_data_until_something_is_appended(void **state)
{
    XK_CLEANUP_BUF struct xk_buf buf = {0};

    (void)state;
    xk_buf_consume(&buf, 0);
    assert_null(buf.data);
    xk_buf_append(&buf, NULL, 0);
    assert_non_null(buf.data);
    assert_string_equal(buf.data, "");
}

static void
it_grows_over_many_small_appends(void **state)
{
    XK_CLEANUP_BUF struct xk_buf buf = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        xk_buf_append(&buf, "0123456789" + i % 10, 1);
    assert_int_equal(buf.length, 100000);
    assert_int_equal(strlen(buf.data), 100000);
    assert_int_equal(buf.data[99999], '9');
}

static void
reserved_room_is_the_callers_to_fill(void **state)
{
    XK_CLEANUP_BUF struct xk_buf buf = {0};

    (void)state;
    xk_buf_puts(&buf, "a");
    memset(xk_buf_reserve(&buf, 1000), 'b', 1000);
    buf.length += 1000;
    xk_buf_puts(&buf, "c");
    assert_int_equal(buf.length, 1002);
    assert_memory_equal(buf.data, "abbb", 4);
    assert_string_equal(buf.data + 1000, "bc");
}

/* A caller may reserve room, read nothing into it, and use the text. */
static void
reserving_keeps_the_text_ended(void **state)
{
    XK_CLEANUP_BUF struct xk_buf buf = {0};

    (void)state;
    xk_buf_reserve(&buf, 10);
    assert_string_equal(buf.data, "");
}

static void
consuming_drops_from_the_front(void **state)
{
    XK_CLEANUP_BUF struct xk_buf buf = {0};

    (void)state;
    xk_buf_puts(&buf, "first\nsecond");
    xk_buf_consume(&buf, 6);
    assert_int_equal(buf.length, 6);
    assert_string_equal(buf.data, "second");
    xk_buf_consume(&buf, 6);
    assert_int_equal(buf.length, 0);
    assert_string_equal(buf.data, "");
}

static void
the_text_can_be_taken_and_the_buffer_used_again(void **state)
{
    XK_CLEANUP_BUF struct xk_buf buf = {0};
    XK_CLEANUP_FREE char *nothing = xk_buf_take(&buf);
    XK_CLEANUP_FREE char *text = NULL;

    (void)state;
    assert_string_equal(nothing, "");
    xk_buf_puts(&buf, "kept");
    text = xk_buf_take(&buf);
    assert_string_equal(text, "kept");
    assert_null(buf.data);
    assert_int_equal(buf.length, 0);
    xk_buf_puts(&buf, "new");
    assert_string_equal(buf.data, "new");
    assert_string_equal(text, "kept");
}

static void
freeing_twice_is_harmless(void **state)
{
    struct xk_buf buf = {0};

    (void)state;
    xk_buf_puts(&buf, "x");
    xk_buf_free(&buf);
    xk_buf_free(&buf);
    assert_null(buf.data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_stands_in_order_and_ends_in_nul),
        cmocka_unit_test(
            an_empty_buffer_has_no_data_until_something_is_appended),
        cmocka_unit_test(it_grows_over_many_small_appends),
        cmocka_unit_test(reserved_room_is_the_callers_to_fill),
        cmocka_unit_test(reserving_keeps_the_text_ended),
        cmocka_unit_test(consuming_drops_from_the_front),
        cmocka_unit_test(the_text_can_be_taken_and_the_buffer_used_again),
        cmocka_unit_test(freeing_twice_is_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
