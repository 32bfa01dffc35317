/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_members.h"
#include "base/mem.h"
#include "base/util.h"

struct taken {
    char *name;
    uint32_t port;
    bool is_open;
};

static const struct xk_json_member members[] = {
    {"name", XK_MEMBER_TEXT, offsetof(struct taken, name), true, 0, 0},
    {"port", XK_MEMBER_NUMBER, offsetof(struct taken, port), false, 1, 65535},
    {"open", XK_MEMBER_FLAG, offsetof(struct taken, is_open), false, 0, 0},
};

static int
take(const char *text, struct taken *taken, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json =
        xk_json_parse(text, strlen(text), "a test", NULL);

    assert_non_null(json);
    return xk_json_take_members(json, members, XK_ARRAY_SIZE(members), taken,
                                err);
}

static void
each_member_goes_to_its_place(void **state)
{
    struct taken taken = {0};

    (void)state;
    assert_int_equal(
        take("{\"name\":\"n\",\"port\":65535,\"open\":true}", &taken, NULL), 0);
    assert_string_equal(taken.name, "n");
    assert_int_equal(taken.port, 65535);
    assert_true(taken.is_open);
    xk_json_free_members(members, XK_ARRAY_SIZE(members), &taken);
    assert_null(taken.name);
}

static void
what_is_missing_keeps_its_default(void **state)
{
    struct taken taken = {.port = 7, .is_open = true};

    (void)state;
    assert_int_equal(take("{\"name\":\"n\"}", &taken, NULL), 0);
    assert_int_equal(taken.port, 7);
    assert_true(taken.is_open);
    xk_json_free_members(members, XK_ARRAY_SIZE(members), &taken);
}

static void
a_wrong_member_is_told_by_name(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{}", "\"name\" is missing"},
        {"[]", "\"name\" is missing"},
        {"{\"name\":null}", "\"name\" is not a string"},
        {"{\"name\":1}", "\"name\" is not a string"},
        {"{\"name\":\"n\",\"port\":0}",
         "\"port\" is not a number from 1 to 65535"},
        {"{\"name\":\"n\",\"port\":65536}",
         "\"port\" is not a number from 1 to 65535"},
        {"{\"name\":\"n\",\"port\":4294967297}",
         "\"port\" is not a number from 1 to 65535"},
        {"{\"name\":\"n\",\"port\":-1}",
         "\"port\" is not a number from 1 to 65535"},
        {"{\"name\":\"n\",\"port\":\"1\"}",
         "\"port\" is not a number from 1 to 65535"},
        {"{\"name\":\"n\",\"open\":1}", "\"open\" is not true or false"},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(cases); i++) {
        struct taken taken = {0};
        struct xk_error err = {0};

        assert_int_equal(take(cases[i].text, &taken, &err), -1);
        assert_int_equal(err.kind, XK_ERR_CONFIG);
        assert_string_equal(err.message, cases[i].message);
        xk_json_free_members(members, XK_ARRAY_SIZE(members), &taken);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_member_goes_to_its_place),
        cmocka_unit_test(what_is_missing_keeps_its_default),
        cmocka_unit_test(a_wrong_member_is_told_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
