/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "base/util.h"
#include "base/uuid.h"

static int interruptions;

ssize_t __real_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags);

ssize_t
__wrap_getrandom(void *bytes, size_t length, unsigned flags)
{
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    return __real_getrandom(bytes, length, flags);
}

static void
text_and_bytes_are_one_another(void **state)
{
    static const uint8_t bytes[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
                                      0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98,
                                      0x76, 0x54, 0x32, 0x10};
    struct xk_uuid uuid;
    char text[XK_UUID_TEXT_SIZE];

    (void)state;
    assert_true(xk_uuid_parse("01234567-89aB-cdEF-fedc-ba9876543210", &uuid));
    assert_memory_equal(uuid.bytes, bytes, sizeof(bytes));
    xk_uuid_format(&uuid, text);
    assert_string_equal(text, "01234567-89ab-cdef-fedc-ba9876543210");
}

static void
only_the_full_form_is_a_uuid(void **state)
{
    static const char *const wrong[] = {
        "",
        "-",
        "01234567-89ab-cdef-fedc-ba987654321",
        "01234567-89ab-cdef-fedc-ba98765432100",
        "0123456789abcdeffedcba9876543210",
        "{01234567-89ab-cdef-fedc-ba9876543210}",
        " 1234567-89ab-cdef-fedc-ba9876543210",
        "0123456789ab-cdef-fedc-ba9876543210-",
        "01234567_89ab_cdef_fedc_ba9876543210",
        "g1234567-89ab-cdef-fedc-ba9876543210",
        "01234567-89ab-cdef-fedc-ba987654321\n",
        "-1234567-89ab-cdef-fedc-ba9876543210",
        "../../..-....-....-....-............",
    };
    struct xk_uuid uuid = {{7}};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(wrong); i++)
        assert_false(xk_uuid_parse(wrong[i], &uuid));
    assert_int_equal(uuid.bytes[0], 7);
}

static void
random_ones_are_version_4_and_differ(void **state)
{
    struct xk_uuid a, b;

    (void)state;
    for (int i = 0; i < 100; i++) {
        xk_uuid_random(&a);
        xk_uuid_random(&b);
        assert_int_equal(a.bytes[6] >> 4, 4);
        assert_int_equal(a.bytes[8] >> 6, 2);
        assert_false(xk_uuid_equal(&a, &b));
        assert_true(xk_uuid_equal(&a, &a));
    }
}

static void
a_signal_while_waiting_for_randomness_is_no_failure(void **state)
{
    struct xk_uuid uuid = {{0}};

    (void)state;
    interruptions = 3;
    xk_uuid_random(&uuid);
    assert_int_equal(interruptions, 0);
    assert_int_equal(uuid.bytes[6] >> 4, 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_bytes_are_one_another),
        cmocka_unit_test(only_the_full_form_is_a_uuid),
        cmocka_unit_test(random_ones_are_version_4_and_differ),
        cmocka_unit_test(a_signal_while_waiting_for_randomness_is_no_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
