/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who owns a moved domain: a decision holds, whoever comes next. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"
#include "toolstack/migration/handover.h"

struct fixture {
    char *scratch;
    struct xk_state state;
    struct xk_uuid move;
    struct xk_error err;
};

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    f->scratch = scratch_new();
    xk_uuid_random(&f->move);
    *context = f;
    return xk_state_open(&f->state, &f->err);
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    xk_state_close(&f->state);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

static enum xk_handover
fate_of(struct fixture *f)
{
    enum xk_handover fate;

    assert_int_equal(xk_handover_read(&f->state, &f->move, &fate, &f->err), 0);
    return fate;
}

static void
go_to(struct fixture *f, enum xk_handover fate)
{
    enum xk_handover refused;

    xk_handover_forget(&f->state, &f->move);
    assert_int_equal(xk_handover_prepare(&f->state, &f->move, &f->err), 0);
    if (fate == XK_HANDOVER_REFUSED)
        xk_handover_refuse(&f->state, &f->move, &refused, &f->err);
    if (fate == XK_HANDOVER_TRYING || fate == XK_HANDOVER_OWNED)
        assert_int_equal(xk_handover_try(&f->state, &f->move, &f->err), 0);
    if (fate == XK_HANDOVER_OWNED)
        assert_int_equal(xk_handover_own(&f->state, &f->move, &f->err), 0);
    assert_int_equal(fate_of(f), fate);
}

static void
only_what_is_open_can_be_tried(void **context)
{
    static const enum xk_handover decided[] = {
        XK_HANDOVER_TRYING, XK_HANDOVER_OWNED, XK_HANDOVER_REFUSED};
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(decided); i++) {
        go_to(f, decided[i]);
        assert_int_equal(xk_handover_prepare(&f->state, &f->move, &f->err), 0);
        assert_int_equal(xk_handover_try(&f->state, &f->move, &f->err), -1);
        assert_int_equal(f->err.kind, XK_ERR_STATE);
        assert_int_equal(fate_of(f), decided[i]);
    }
}

static void
only_what_is_open_can_be_refused(void **context)
{
    static const enum xk_handover before[] = {
        XK_HANDOVER_TRYING, XK_HANDOVER_OWNED, XK_HANDOVER_REFUSED};
    struct fixture *f = *context;
    enum xk_handover fate;

    for (size_t i = 0; i < XK_ARRAY_SIZE(before); i++) {
        go_to(f, before[i]);
        assert_int_equal(
            xk_handover_refuse(&f->state, &f->move, &fate, &f->err), 0);
        assert_int_equal(fate, before[i]);
        assert_int_equal(fate_of(f), before[i]);
    }
}

static void
only_what_is_tried_can_be_taken_back(void **context)
{
    static const enum xk_handover before[] = {
        XK_HANDOVER_OPEN, XK_HANDOVER_OWNED, XK_HANDOVER_REFUSED};
    struct fixture *f = *context;

    go_to(f, XK_HANDOVER_TRYING);
    assert_int_equal(xk_handover_withdraw(&f->state, &f->move, &f->err), 0);
    assert_int_equal(fate_of(f), XK_HANDOVER_OPEN);
    for (size_t i = 0; i < XK_ARRAY_SIZE(before); i++) {
        go_to(f, before[i]);
        assert_int_equal(xk_handover_withdraw(&f->state, &f->move, &f->err), 0);
        assert_int_equal(fate_of(f), before[i]);
    }
}

/* A torn file, or a file of another version, is not taken for a decision. */
static void
what_cannot_be_read_decides_nothing(void **context)
{
    static const char *const texts[] = {"", "own", "owned\n", "later"};
    struct fixture *f = *context;
    char name[XK_UUID_TEXT_SIZE];
    enum xk_handover fate;

    go_to(f, XK_HANDOVER_OPEN);
    xk_uuid_format(&f->move, name);
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/moves/%s", f->state.lib_path, name);

        assert_int_equal(xk_write_file(AT_FDCWD, path, texts[i],
                                       strlen(texts[i]), false, &f->err),
                         0);
        assert_int_equal(xk_handover_read(&f->state, &f->move, &fate, &f->err),
                         -1);
        assert_int_equal(
            xk_handover_refuse(&f->state, &f->move, &fate, &f->err), -1);
        assert_int_equal(xk_handover_try(&f->state, &f->move, &f->err), -1);
    }
}

static void
what_both_hosts_know_leaves_nothing(void **context)
{
    struct fixture *f = *context;

    for (int fate = XK_HANDOVER_OPEN; fate <= XK_HANDOVER_REFUSED; fate++) {
        go_to(f, (enum xk_handover)fate);
        xk_handover_forget(&f->state, &f->move);
        assert_int_equal(scratch_count(f->state.lib_path, "moves"), 0);
    }
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(only_what_is_open_can_be_tried),
        T(only_what_is_open_can_be_refused),
        T(only_what_is_tried_can_be_taken_back),
        T(what_cannot_be_read_decides_nothing),
        T(what_both_hosts_know_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
