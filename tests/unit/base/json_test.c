/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/util.h"

static struct xk_json *
parse(const char *text, struct xk_error *err)
{
    return xk_json_parse(text, strlen(text), "a test", err);
}

static void
assert_refused(const char *text, size_t length, const char *why)
{
    struct xk_error err = {0};

    assert_null(xk_json_parse(text, length, "a test", &err));
    assert_int_equal(err.kind, XK_ERR_PROTOCOL);
    assert_non_null(strstr(err.message, "a test"));
    if (strstr(err.message, why) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", err.message, why);
}

static void
a_document_is_read_with_its_types(void **state)
{
    XK_CLEANUP_JSON struct xk_json *json =
        parse("{\"t\":\"x\",\"n\":-7,\"y\":true,\"z\":null,\"l\":[1,2],"
              "\"big\":9223372036854775807,\"real\":1.5}",
              NULL);
    int64_t number = 0;

    (void)state;
    assert_non_null(json);
    assert_string_equal(xk_json_string(xk_json_get(json, "t")), "x");
    assert_true(xk_json_integer(xk_json_get(json, "n"), &number));
    assert_int_equal(number, -7);
    assert_true(xk_json_integer(xk_json_get(json, "big"), &number));
    assert_true(number == INT64_MAX);
    assert_false(xk_json_integer(xk_json_get(json, "real"), &number));
    assert_true(xk_json_is_true(xk_json_get(json, "y")));
    assert_true(xk_json_is_null(xk_json_get(json, "z")));
    assert_int_equal(xk_json_length(xk_json_get(json, "l")), 2);
    assert_string_equal(xk_json_key_at(json, 1), "n");
}

static void
looking_for_what_is_not_there_finds_nothing(void **state)
{
    XK_CLEANUP_JSON struct xk_json *json = parse("{\"a\":[{\"b\":3}]}", NULL);
    const struct xk_json *list = xk_json_get(json, "a");
    struct xk_error err = {0};
    int64_t number;

    (void)state;
    assert_null(xk_json_get(xk_json_get(json, "no"), "way"));
    assert_null(xk_json_at(list, 1));
    assert_null(xk_json_at(NULL, 0));
    assert_null(xk_json_string(list));
    assert_false(xk_json_integer(list, &number));
    assert_null(xk_json_need_string(xk_json_at(list, 0), "b", &err));
    assert_non_null(strstr(err.message, "\"b\""));
}

static void
what_is_no_document_is_refused(void **state)
{
    static const char *const texts[] = {
        "", " ", "{", "[1,]", "{\"a\" 1}", "[1] [2]", "nul", "\"\\x\"", "]",
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++)
        assert_refused(texts[i], strlen(texts[i]), "JSON");
    assert_refused("[1]\0[2]", 7, "NUL");
}

/* The parser frees its tree recursively, so depth must be limited. */
static void
depth_is_limited(void **state)
{
    static char deep[200001];
    char fits[2 * XK_JSON_DEPTH_MAX + 1] = "";
    XK_CLEANUP_JSON struct xk_json *json = NULL;

    (void)state;
    memset(deep, '[', sizeof(deep) - 1);
    assert_refused(deep, sizeof(deep) - 1, "nested");
    memset(fits, '[', XK_JSON_DEPTH_MAX);
    memset(fits + XK_JSON_DEPTH_MAX, ']', XK_JSON_DEPTH_MAX);
    json = parse(fits, NULL);
    assert_non_null(json);
}

static void
brackets_in_strings_are_no_depth(void **state)
{
    char text[200] = "\"\\\"";
    XK_CLEANUP_JSON struct xk_json *json = NULL;

    (void)state;
    memset(text + strlen(text), '[', 150);
    strcat(text, "\"");
    json = parse(text, NULL);
    assert_non_null(json);
    assert_int_equal(strlen(xk_json_string(json)), 151);
}

/* JSON has no comments (RFC 8259), but yajl accepts them: a quote in a comment
 * would hide the following brackets from the depth limit. */
static void
comments_are_refused(void **state)
{
    static char deep[100000] = "/*\"*/";

    (void)state;
    memset(deep + strlen(deep), '[', sizeof(deep) - 1 - strlen(deep));
    assert_refused(deep, sizeof(deep) - 1, "JSON");
    assert_refused("/* x */ [1]", 11, "JSON");
    assert_refused("[1] // x\n", 9, "JSON");
}

static void
write_all(struct xk_json_writer *writer)
{
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "s", "a \"quoted\"\n\x01 t\xc3\xa9xt");
    xk_json_put_string(writer, "none", NULL);
    xk_json_put_integer(writer, "i", -INT64_MAX);
    xk_json_put_double(writer, "d", 0.1);
    xk_json_put_double(writer, "nan", NAN);
    xk_json_put_bool(writer, "b", false);
    xk_json_open_array(writer, "l");
    xk_json_put_integer(writer, NULL, 1);
    xk_json_open_object(writer, NULL);
    xk_json_close_object(writer);
    xk_json_close_array(writer);
    xk_json_close_object(writer);
}

static void
what_is_written_reads_back_equal(void **state)
{
    XK_CLEANUP_BUF struct xk_buf first = {0};
    XK_CLEANUP_BUF struct xk_buf second = {0};
    struct xk_json_writer *writer = xk_json_writer_new(&first, false);
    XK_CLEANUP_JSON struct xk_json *json = NULL;

    (void)state;
    write_all(writer);
    xk_json_writer_free(writer);
    json = xk_json_parse(first.data, first.length, "it", NULL);
    assert_non_null(json);
    assert_string_equal(xk_json_string(xk_json_get(json, "s")),
                        "a \"quoted\"\n\x01 t\xc3\xa9xt");
    writer = xk_json_writer_new(&second, false);
    xk_json_put_value(writer, NULL, json);
    xk_json_writer_free(writer);
    assert_string_equal(first.data, second.data);
    assert_non_null(strstr(first.data, "\"d\":0.1,"));
    assert_non_null(strstr(first.data, "\"nan\":null"));
}

static void
bytes_that_are_no_utf_8_are_replaced(void **state)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"\xff", "\xef\xbf\xbd"},
        {"a\xc0\xaf", "a\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong '/' */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        XK_CLEANUP_BUF struct xk_buf text = {0};
        struct xk_json_writer *writer = xk_json_writer_new(&text, false);
        XK_CLEANUP_JSON struct xk_json *json = NULL;

        xk_json_put_string(writer, NULL, rows[i].text);
        xk_json_writer_free(writer);
        json = xk_json_parse(text.data, text.length, "it", NULL);
        assert_non_null(json);
        assert_string_equal(xk_json_string(json), rows[i].shown);
    }
}

static void
an_error_is_read_as_it_was_written(void **state)
{
    const struct xk_error said = {.kind = XK_ERR_IN_USE, .message = "held"};
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL, *empty = NULL;
    struct xk_json_writer *writer = xk_json_writer_new(&text, false);
    struct xk_error err = {0};

    (void)state;
    xk_json_open_object(writer, NULL);
    xk_json_put_error(writer, &said);
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
    json = xk_json_parse(text.data, text.length, "it", NULL);
    assert_int_equal(xk_json_count(json, "code"), 4);
    assert_int_equal(xk_json_count(json, "kind"), 0);
    assert_int_equal(xk_json_take_error(json, &err), -1);
    assert_int_equal(err.kind, XK_ERR_IN_USE);
    assert_string_equal(err.message, "held");

    empty = xk_json_parse("{\"code\":-1}", 11, "it", NULL);
    assert_int_equal(xk_json_count(empty, "code"), 0);
    assert_int_equal(xk_json_take_error(empty, &err), -1);
    assert_int_equal(err.kind, XK_ERR_FAILED);
    assert_string_equal(err.message, "no reason given");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_read_with_its_types),
        cmocka_unit_test(looking_for_what_is_not_there_finds_nothing),
        cmocka_unit_test(what_is_no_document_is_refused),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(brackets_in_strings_are_no_depth),
        cmocka_unit_test(comments_are_refused),
        cmocka_unit_test(what_is_written_reads_back_equal),
        cmocka_unit_test(bytes_that_are_no_utf_8_are_replaced),
        cmocka_unit_test(an_error_is_read_as_it_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
