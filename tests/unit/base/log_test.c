/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"

/* Capture what is written to standard error. */
static char caught[65536];
static int writes;
static bool full;

ssize_t __real_write(int fd, const void *data, size_t length);
ssize_t __wrap_write(int fd, const void *data, size_t length);

ssize_t
__wrap_write(int fd, const void *data, size_t length)
{
    if (fd != STDERR_FILENO)
        return __real_write(fd, data, length);
    writes++;
    if (full) {
        errno = ENOSPC;
        return -1;
    }
    assert_true(length < sizeof(caught));
    memcpy(caught, data, length);
    caught[length] = '\0';
    return (ssize_t)length;
}

static int
begin(void **state)
{
    (void)state;
    caught[0] = '\0';
    writes = 0;
    full = false;
    xk_log_set_level(XK_LOG_WARNING);
    xk_log_set_name("xk");
    xk_log_set_json(false);
    return 0;
}

static void
a_line_is_json_when_that_is_asked(void **state)
{
    (void)state;
    xk_log_set_json(true);
    xk_warn("no \"%s\"\nhere", "KVM");
    assert_string_equal(caught, "{\"log\":{\"level\":\"warning\",\"message\":"
                                "\"no \\\"KVM\\\"\\nhere\"}}\n");
    assert_int_equal(writes, 1);
}

static void
a_line_says_who_and_how_bad_and_is_written_at_once(void **state)
{
    (void)state;
    xk_warn("no %s here", "KVM");
    assert_string_equal(caught, "xk: warning: no KVM here\n");
    assert_int_equal(writes, 1);
    xk_log_set_name("xk-backend");
    xk_log(XK_LOG_ERROR, "x");
    assert_string_equal(caught, "xk-backend: error: x\n");
}

static void
the_level_decides_what_is_shown(void **state)
{
    (void)state;
    xk_info("hidden");
    xk_debug("hidden");
    assert_int_equal(writes, 0);
    xk_log_set_level(XK_LOG_INFO);
    xk_info("shown");
    xk_debug("hidden");
    assert_string_equal(caught, "xk: info: shown\n");
    xk_log_set_level(XK_LOG_DEBUG);
    xk_debug("shown");
    assert_string_equal(caught, "xk: debug: shown\n");
}

static void
errno_survives_even_where_nothing_can_be_written(void **state)
{
    (void)state;
    full = true;
    errno = ECHILD;
    xk_warn("lost");
    assert_int_equal(errno, ECHILD);
    assert_int_equal(writes, 1);
}

/* Text of a guest or a file must not forge a line or control a terminal. */
static void
control_characters_cannot_forge_lines(void **state)
{
    (void)state;
    xk_warn("name \"%s\"", "a\nxk: error: b\r\t\x1b[2J\x7f");
    assert_string_equal(caught, "xk: warning: name \"a\\nxk: error: "
                                "b\\r\\t\\x1b[2J\\x7f\"\n");
    xk_warn("%s", "gr\xc3\xbc\xc3\x9f"
                  "e \xc2\x9b"
                  "1m");
    assert_string_equal(caught, "xk: warning: gr\xc3\xbc\xc3\x9f"
                                "e \\xc2\\x9b1m\n");
}

static void
a_long_line_is_written_whole(void **state)
{
    char *text = xk_calloc(20001, 1);

    (void)state;
    memset(text, 'l', 20000);
    xk_warn("%s", text);
    assert_int_equal(strlen(caught), strlen("xk: warning: \n") + 20000);
    assert_int_equal(writes, 1);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            a_line_says_who_and_how_bad_and_is_written_at_once, begin),
        cmocka_unit_test_setup(a_line_is_json_when_that_is_asked, begin),
        cmocka_unit_test_setup(the_level_decides_what_is_shown, begin),
        cmocka_unit_test_setup(errno_survives_even_where_nothing_can_be_written,
                               begin),
        cmocka_unit_test_setup(control_characters_cannot_forge_lines, begin),
        cmocka_unit_test_setup(a_long_line_is_written_whole, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
