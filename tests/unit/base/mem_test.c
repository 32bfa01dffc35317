/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"

struct pair {
    int number;
    char *text;
};

static void
a_grown_array_keeps_its_elements_and_zeroes_the_new_one(void **state)
{
    XK_CLEANUP_FREE struct pair *pairs = NULL;
    size_t count = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        XK_GROW(pairs, count);
        assert_int_equal(pairs[count].number, 0);
        assert_null(pairs[count].text);
        pairs[count++].number = i + 1;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(pairs[i].number, i + 1);
}

/* Elements may be dropped from the end: capacity is derived from the count. */
static void
an_array_that_shrank_can_grow_again(void **state)
{
    XK_CLEANUP_FREE int *numbers = NULL;
    size_t count = 0;

    (void)state;
    for (int round = 0; round < 20; round++) {
        while (count < 33) {
            XK_GROW(numbers, count);
            assert_int_equal(numbers[count], 0);
            numbers[count++] = 1;
        }
        count = (size_t)round;
    }
}

static void
nothing_is_still_something_to_free(void **state)
{
    XK_CLEANUP_FREE void *none = xk_calloc(0, 0);
    XK_CLEANUP_FREE void *grown = xk_realloc(NULL, 0, 8);

    (void)state;
    assert_non_null(none);
    assert_non_null(grown);
}

static void
texts_are_copied(void **state)
{
    XK_CLEANUP_FREE char *whole = xk_strdup("domain");
    XK_CLEANUP_FREE char *part = xk_strndup("domain", 3);
    XK_CLEANUP_FREE char *made = xk_asprintf("%s-%d", "vif", 7);

    (void)state;
    assert_string_equal(whole, "domain");
    assert_string_equal(part, "dom");
    assert_string_equal(made, "vif-7");
}

static void
ownership_moves_to_the_taker(void **state)
{
    char *text = xk_strdup("mine");
    XK_CLEANUP_FREE char *taken = XK_TAKE(text);
    int fd = 5;

    (void)state;
    assert_null(text);
    assert_string_equal(taken, "mine");
    assert_int_equal(xk_take_fd(&fd), 5);
    assert_int_equal(fd, -1);
}

static void
ask_for_everything(void)
{
    /* Not a constant, so that no compiler can foresee the overflow. */
    volatile size_t half = SIZE_MAX / 2;

    xk_calloc(half, 3);
}

static void
ask_for_an_overflow(void)
{
    volatile size_t half = SIZE_MAX / 2;

    xk_realloc(NULL, half, 4);
}

static void
asking_for_too_much_ends_the_process(void **state)
{
    void (*const asks[])(void) = {ask_for_everything, ask_for_an_overflow};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(asks); i++) {
        pid_t child = fork();
        int status = 0;

        assert_int_not_equal(child, -1);
        if (child == 0) {
            fclose(stderr);
            signal(SIGABRT, SIG_DFL);
            asks[i]();
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_grown_array_keeps_its_elements_and_zeroes_the_new_one),
        cmocka_unit_test(an_array_that_shrank_can_grow_again),
        cmocka_unit_test(nothing_is_still_something_to_free),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(ownership_moves_to_the_taker),
        cmocka_unit_test(asking_for_too_much_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
