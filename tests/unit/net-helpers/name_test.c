/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/test.h"

#include <string.h>

#include "base/util.h"
#include "net-helpers/name.h"

static void
what_the_kernel_takes_is_a_name(void **context)
{
    static const char *const names[] = {
        "a",   "eth0", "xenbr0",  "vif00112233.3", "abcdefghijklmno",
        "...", "-a",   "eth0.10", "\xc3\xa9th",
    };

    (void)context;
    for (size_t i = 0; i < XK_ARRAY_SIZE(names); i++)
        assert_null(xk_net_name_check(names[i]));
}

static void
what_the_kernel_refuses_is_not_a_name(void **context)
{
    static const char *const names[] = {
        "",     ".",    "..",    "abcdefghijklmnop", "a/b",  "a:1", "a b",
        "a\tb", "a\vb", "a\xa0", "\xc3\xa0",         "../a",
    };

    (void)context;
    for (size_t i = 0; i < XK_ARRAY_SIZE(names); i++)
        assert_non_null(strstr(xk_net_name_check(names[i]), "1 to 15 bytes"));
}

static void
a_control_character_is_refused_though_the_kernel_takes_it(void **context)
{
    (void)context;
    assert_non_null(xk_net_name_check("a\x1b"));
    assert_non_null(xk_net_name_check("a\x7f"));
}

static void
a_pattern_that_the_kernel_fills_in_is_not_a_name(void **context)
{
    (void)context;
    assert_non_null(strstr(xk_net_name_check("vif%d"), "no '%'"));
    assert_non_null(strstr(xk_net_name_check("%"), "no '%'"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_kernel_takes_is_a_name),
        cmocka_unit_test(what_the_kernel_refuses_is_not_a_name),
        cmocka_unit_test(
            a_control_character_is_refused_though_the_kernel_takes_it),
        cmocka_unit_test(a_pattern_that_the_kernel_fills_in_is_not_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
