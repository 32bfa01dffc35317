/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which commands are accepted as a link: only those that can be written to the
 * journal, and so be run again to ask the target. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/migration/link.h"

static int
take(const char *command, struct xk_error *err)
{
    struct xk_link link;
    int r = xk_link_by_command(&link, "there", command, err);

    xk_link_free(&link);
    return r;
}

/* "w w ... w" */
static char *
words(size_t count)
{
    struct xk_buf text = {0};

    for (size_t i = 0; i < count; i++)
        xk_buf_puts(&text, "w ");
    return xk_buf_take(&text);
}

static void
assert_refused(const char *command, const char *why)
{
    struct xk_error err = {0};

    assert_int_equal(take(command, &err), -1);
    assert_int_equal(err.kind, XK_ERR_USAGE);
    assert_non_null(strstr(err.message, why));
}

static void
as_many_words_as_can_be_noted_are_taken(void **context)
{
    XK_CLEANUP_FREE char *most = words(XK_LINK_WORDS_MAX);
    struct xk_error err = {0};

    (void)context;
    assert_int_equal(take(most, &err), 0);
}

static void
more_words_than_can_be_noted_are_refused(void **context)
{
    XK_CLEANUP_FREE char *many = words(XK_LINK_WORDS_MAX + 1);
    XK_CLEANUP_FREE char *most = words(XK_LINK_WORDS_MAX);
    /* env(1) counts as a word. */
    XK_CLEANUP_FREE char *with_env = xk_asprintf("A=1 %s", most + 2);

    (void)context;
    assert_refused(many, "words");
    assert_refused(with_env, "words");
}

static void
a_command_that_is_too_long_to_be_noted_is_refused(void **context)
{
    XK_CLEANUP_FREE char *command = xk_calloc(1, XK_LINK_BYTES_MAX + 2);

    (void)context;
    memset(command, 'w', XK_LINK_BYTES_MAX + 1);
    assert_refused(command, "bytes");
}

static void
bytes_that_cannot_be_noted_are_refused(void **context)
{
    (void)context;
    assert_refused("sh -c \xff", "UTF-8");
    assert_refused("sh -c \xc3", "UTF-8");
}

static void
text_of_any_language_is_taken(void **context)
{
    struct xk_error err = {0};

    (void)context;
    assert_int_equal(take("sh -c 'gr\xc3\xbc\xc3\x9f \x01 \"\\'", &err), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_words_as_can_be_noted_are_taken),
        cmocka_unit_test(more_words_than_can_be_noted_are_refused),
        cmocka_unit_test(a_command_that_is_too_long_to_be_noted_is_refused),
        cmocka_unit_test(bytes_that_cannot_be_noted_are_refused),
        cmocka_unit_test(text_of_any_language_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
