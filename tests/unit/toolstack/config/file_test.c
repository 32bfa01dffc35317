/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar: positions, values and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/config/cfg_file.h"
#include "toolstack/config/device_syntax.h"

static void
parse_length(struct xk_cfg_file *file, struct xk_problems *problems,
             const char *text, size_t length)
{
    *file = (struct xk_cfg_file){0};
    *problems = (struct xk_problems){0};
    xk_cfg_file_parse(file, "t", 1, text, length, problems);
}

static void
parse(struct xk_cfg_file *file, struct xk_problems *problems, const char *text)
{
    parse_length(file, problems, text, strlen(text));
}

static void
done(struct xk_cfg_file *file, struct xk_problems *problems)
{
    xk_cfg_file_free(file);
    xk_problems_free(problems);
}

static const struct xk_cfg_value *
value_of(const struct xk_cfg_file *file, const char *name)
{
    const struct xk_cfg_setting *setting = xk_cfg_file_find(file, name);

    assert_non_null(setting);
    return &setting->value;
}

static void
assert_at(const struct xk_location *where, unsigned line, unsigned column)
{
    assert_string_equal(where->file, "t");
    assert_int_equal(where->line, line);
    assert_int_equal(where->column, column);
}

static void
strings_and_numbers_are_texts(void **state)
{
    struct xk_cfg_file file;
    struct xk_problems problems;

    (void)state;
    parse(&file, &problems, "a = \"x y\"\nb='q\"q'; c=0x1f");
    assert_int_equal(problems.count, 0);
    assert_string_equal(value_of(&file, "a")->text, "x y");
    assert_string_equal(value_of(&file, "b")->text, "q\"q");
    assert_string_equal(value_of(&file, "c")->text, "0x1f");
    assert_null(xk_cfg_file_find(&file, "d"));
    done(&file, &problems);
}

static void
every_value_knows_its_place(void **state)
{
    struct xk_cfg_file file;
    struct xk_problems problems;
    const struct xk_cfg_value *list;

    (void)state;
    parse(&file, &problems, "# c\n  a = 1\nl = [ 'x',\n\t[ 2 ] ]\n");
    assert_int_equal(problems.count, 0);
    assert_at(&xk_cfg_file_find(&file, "a")->where, 2, 3);
    assert_at(&value_of(&file, "a")->where, 2, 7);
    list = value_of(&file, "l");
    assert_at(&list->where, 3, 5);
    assert_at(&list->items[0].where, 3, 7);
    assert_at(&list->items[1].where, 4, 2);
    assert_at(&list->items[1].items[0].where, 4, 4);
    done(&file, &problems);
}

static void
a_place_inside_a_string_counts_escapes(void **state)
{
    struct xk_cfg_file file;
    struct xk_problems problems;
    struct xk_spec spec;
    struct xk_location where;

    (void)state;
    parse(&file, &problems, "a = 'x\\'y\\nz'\nb = 123\n");
    assert_string_equal(value_of(&file, "a")->text, "x'y\nz");
    spec = xk_spec_of(value_of(&file, "a"), &problems);
    where = xk_spec_at(&spec, 0);
    assert_at(&where, 1, 6);
    where = xk_spec_at(&spec, 2); /* the y */
    assert_at(&where, 1, 9);
    where = xk_spec_at(&spec, 4); /* the z */
    assert_at(&where, 1, 12);
    spec = xk_spec_of(value_of(&file, "b"), &problems);
    where = xk_spec_at(&spec, 2);
    assert_at(&where, 2, 7);
    done(&file, &problems);
}

static void
appending_joins_texts_and_lists(void **state)
{
    struct xk_cfg_file file;
    struct xk_problems problems;

    (void)state;
    parse(&file, &problems,
          "a='x'\na+='y'\nl=[1]\nl+=[2,3]\nl+=[]\nn+='new'\na='z'\na+='!'\n");
    assert_int_equal(problems.count, 0);
    assert_string_equal(value_of(&file, "a")->text, "z!");
    assert_int_equal(value_of(&file, "l")->count, 3);
    assert_string_equal(value_of(&file, "l")->items[2].text, "3");
    assert_string_equal(value_of(&file, "n")->text, "new");
    assert_true(xk_cfg_file_find(&file, "n")->appended);
    assert_int_equal(file.count, 4); /* a twice */
    done(&file, &problems);
}

static const struct {
    const char *text;
    const char *problem; /* the only error */
} wrong[] = {
    {"a=[1", "t:1:5: error: expected ',' or ']', not the end of the file"},
    {"a=\n", "t:1:3: error: expected a value: \"text\", a number or a [ list "
             "], not the end of the line"},
    {"a=b\n", "t:1:3: error: expected a value: \"text\", a number or a [ list "
              "], not 'b'; a string needs quotes"},
    {"a 1\n", "t:1:3: error: expected '=' or '+=', not '1'"},
    {"a=1 b=2\n", "t:1:5: error: expected the end of the line or ';', not 'b'; "
                  "a string needs quotes"},
    {"a=[1,,2]\n", "t:1:6: error: expected a value: \"text\", a number or a [ "
                   "list ], not ','"},
    {"[1]\n", "t:1:1: error: expected a name, not '['"},
    {"a='x\n", "t:1:3: error: this string has no end; it must end on the line "
               "it begins"},
    {"a=-5\n", "t:1:3: error: a negative number needs quotes"},
    {"a=1\r\n", "t:1:4: error: carriage return: end the lines with a line feed "
                "only, as dos2unix does"},
    {"a=On\n", "t:1:3: error: unexpected 'O': names are in lower case, and a "
               "string needs quotes"},
    {"a=\x01\n", "t:1:3: error: unexpected byte 0x01 outside a string"},
    {"\xef\xbb\xbf"
     "a=1\n",
     "t:1:1: error: unexpected byte 0xef outside a string"},
    {"a=/x\n", "t:1:3: error: unexpected '/'; a string needs quotes"},
    {"a='\\x41'\n", "t:1:4: error: characters by number ('\\x') do not work "
                    "in xl, so they are refused; write the character itself"},
    {"a='\\012'\n", "t:1:4: error: characters by number ('\\0') do not work "
                    "in xl, so they are refused; write the character itself"},
    {"a='..\\q'\n", "t:1:6: error: '\\q' is not an escape sequence; for a "
                    "backslash write two"},
    {"a='x'\na+=[1]\n",
     "t:2:1: error: 'a' is a string here; a list cannot be appended to it"},
    {"a=[]\na+=1\n",
     "t:2:1: error: 'a' is a list here; a string cannot be appended to it"},
};

static void
what_is_wrong_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(wrong); i++) {
        struct xk_cfg_file file;
        struct xk_problems problems;
        char *text;

        parse(&file, &problems, wrong[i].text);
        assert_int_equal(problems.errors, 1);
        text = xk_problem_format(&problems.items[0]);
        assert_string_equal(text, wrong[i].problem);
        free(text);
        done(&file, &problems);
    }
}

static void
a_broken_list_makes_one_error_and_the_rest_is_read(void **state)
{
    struct xk_cfg_file file;
    struct xk_problems problems;

    (void)state;
    parse(&file, &problems,
          "disk = [\n  'a',\n  b,\n  'c',\n]\nvcpus = 2\nx = @\ny = 1\n");
    assert_int_equal(problems.errors, 2);
    assert_int_equal(problems.items[0].line, 3);
    assert_int_equal(problems.items[1].line, 7);
    assert_string_equal(value_of(&file, "vcpus")->text, "2");
    assert_string_equal(value_of(&file, "y")->text, "1");
    done(&file, &problems);
}

static void
python_is_recognised_once(void **state)
{
    struct xk_cfg_file file;
    struct xk_problems problems;
    size_t notes = 0;

    (void)state;
    parse(&file, &problems, "import os\narch = os.uname()[4]\nif (arch):\n");
    assert_true(problems.errors >= 3);
    for (size_t i = 0; i < problems.count; i++)
        notes += problems.items[i].severity == XK_PROBLEM_NOTE;
    assert_int_equal(notes, 1);
    done(&file, &problems);
}

static void
nul_bytes_are_refused_wherever_they_are(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        unsigned column;
    } texts[] = {
        {"a=1\0\n", 5, 4},
        {"a='x\0y'\n", 8, 5},
        {"# \0 comment\n", 12, 3},
        {"\0", 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        struct xk_cfg_file file;
        struct xk_problems problems;

        parse_length(&file, &problems, texts[i].text, texts[i].length);
        assert_int_equal(problems.errors, 1);
        assert_string_equal(problems.items[0].message,
                            "NUL byte: this is not a text file");
        assert_int_equal(problems.items[0].column, texts[i].column);
        done(&file, &problems);
    }
}

static void
a_last_comment_without_a_line_feed_is_a_warning(void **state)
{
    struct xk_cfg_file file;
    struct xk_problems problems;

    (void)state;
    parse(&file, &problems, "a=1\n# done");
    assert_int_equal(problems.errors, 0);
    assert_int_equal(problems.warnings, 1);
    assert_string_equal(value_of(&file, "a")->text, "1");
    done(&file, &problems);
}

/* The text, repeated count times. */
static char *
repeat(const char *text, size_t count)
{
    struct xk_buf out = {0};

    for (size_t i = 0; i < count; i++)
        xk_buf_puts(&out, text);
    return xk_buf_take(&out);
}

static void
depth_is_limited(void **state)
{
    struct xk_cfg_file file;
    struct xk_problems problems;
    char *open = repeat("[", 100000);
    char *text = xk_asprintf("a=%s", open);

    (void)state;
    parse(&file, &problems, text);
    assert_int_equal(problems.errors, 1);
    assert_string_equal(problems.items[0].message,
                        "lists nested deeper than 32");
    done(&file, &problems);
    free(text);
    free(open);
}

static void
the_number_of_values_is_limited(void **state)
{
    struct xk_cfg_file file;
    struct xk_problems problems;
    char *text = repeat("a=1;", XK_CFG_VALUES_MAX + 5);

    (void)state;
    parse(&file, &problems, text);
    assert_int_equal(problems.errors, 1);
    assert_string_equal(problems.items[0].message, "more than 100000 values");
    done(&file, &problems);
    free(text);
}

static void
a_line_of_ten_megabytes_is_read(void **state)
{
    struct xk_cfg_file file;
    struct xk_problems problems;
    size_t length = 10 * 1024 * 1024;
    char *text = xk_calloc(length + 1, 1);

    (void)state;
    memset(text, 'x', length);
    memcpy(text, "a='", 3);
    text[length - 1] = '\'';
    parse(&file, &problems, text);
    assert_int_equal(problems.count, 0);
    assert_int_equal(value_of(&file, "a")->length, length - 4);
    done(&file, &problems);
    free(text);
}

static void
messages_hold_no_control_characters_of_the_file(void **state)
{
    struct xk_problems problems = {0};
    struct xk_location where = {.file = "a\x1b[2Jb", .line = 1, .column = 2};

    (void)state;
    xk_problem_add(&problems, XK_PROBLEM_ERROR, &where, "%s", "x\x1b]0;\n\x7f");
    assert_string_equal(problems.items[0].file, "a\\x1b[2Jb");
    assert_string_equal(problems.items[0].message, "x\\x1b]0;\\n\\x7f");
    xk_problems_free(&problems);
}

static void
a_flood_of_problems_is_counted_but_not_kept(void **state)
{
    struct xk_problems problems = {0};
    struct xk_error err;

    (void)state;
    for (int i = 0; i < 5000; i++)
        xk_problem_add(&problems, XK_PROBLEM_WARNING, NULL, "w");
    xk_problem_add(&problems, XK_PROBLEM_ERROR, NULL, "the error");
    xk_problem_add(&problems, XK_PROBLEM_ERROR, NULL, "another");
    assert_int_equal(problems.warnings, 5000);
    assert_true(problems.count < 1000);
    assert_int_equal(xk_problems_fail(&problems, &err), -1);
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    assert_string_equal(err.message, "the error (and 1 more)");
    xk_problems_free(&problems);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_and_numbers_are_texts),
        cmocka_unit_test(every_value_knows_its_place),
        cmocka_unit_test(a_place_inside_a_string_counts_escapes),
        cmocka_unit_test(appending_joins_texts_and_lists),
        cmocka_unit_test(what_is_wrong_is_told_with_its_place),
        cmocka_unit_test(a_broken_list_makes_one_error_and_the_rest_is_read),
        cmocka_unit_test(python_is_recognised_once),
        cmocka_unit_test(nul_bytes_are_refused_wherever_they_are),
        cmocka_unit_test(a_last_comment_without_a_line_feed_is_a_warning),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(the_number_of_values_is_limited),
        cmocka_unit_test(a_line_of_ten_megabytes_is_read),
        cmocka_unit_test(messages_hold_no_control_characters_of_the_file),
        cmocka_unit_test(a_flood_of_problems_is_counted_but_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
