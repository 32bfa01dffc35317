/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/util.h"

/* RFC 3720, B.4. */
static void
the_sums_of_the_rfc_are_met(void **state)
{
    unsigned char bytes[32];

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(xk_crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(xk_crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(xk_crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
}

static void
a_sum_may_be_taken_in_parts_of_any_length(void **state)
{
    static const char text[] = "one domain is moved, and no other is lost";
    size_t length = strlen(text);
    uint32_t whole = xk_crc32c(0, text, length);

    (void)state;
    for (size_t cut = 0; cut <= length; cut++) {
        uint32_t sum = xk_crc32c(0, text, cut);

        assert_int_equal(xk_crc32c(sum, text + cut, length - cut), whole);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sums_of_the_rfc_are_met),
        cmocka_unit_test(a_sum_may_be_taken_in_parts_of_any_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
