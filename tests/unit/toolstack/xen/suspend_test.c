/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which suspended guest of Xen may be resumed: a guest that we asked to suspend
 * for a save that was given up, and that nobody has asked since.
 */
#include "toolstack/xen/suspend.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/fakes/fake_store.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"
#include "toolstack/xen/driver_internal.h"
#include "xenstore-helpers/paths.h"

enum {
    WAIT_MS = 10000,
    DOMID = 7,
};

static char *folder, *control;
static struct xk_record record;
static struct xk_xen xen;
static struct xk_error err;

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(WAIT_MS);
}

static void
say(const char *word)
{
    assert_int_equal(
        xk_store_write(xen.store, XK_STORE_NO_TX, control, word, soon(), &err),
        0);
}

static int
set_up(void **state)
{
    (void)state;
    folder = scratch_new();
    record = (struct xk_record){
        .path = folder,
        .dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    xen.store = fake_store_new();
    control = xk_path_control_shutdown(DOMID);
    say("");
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_store_cleanup(&xen.store);
    close(record.dir_fd);
    free(control);
    scratch_free(folder);
    return 0;
}

static void
expect(void)
{
    assert_int_equal(xk_suspend_expect(&xen, &record, DOMID, soon(), &err), 0);
}

static void
withdraw(void)
{
    assert_int_equal(xk_suspend_withdraw(&xen, &record, DOMID, soon(), &err),
                     0);
}

static bool
is_left(void)
{
    return xk_suspend_is_left(&xen, &record, DOMID, soon());
}

static void
toolstack_asks(void)
{
    say("suspend");
}

static void
guest_acknowledges(void)
{
    say("");
}

/* Read the word as a guest does, up to the first NUL. */
static void
assert_read_as(const char *word)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    assert_int_equal(xk_store_read_bytes(xen.store, XK_STORE_NO_TX, control,
                                         XK_STORE_VALUE_MAX, &value, soon(),
                                         &err),
                     0);
    assert_string_equal(value.data, word);
}

static void
give_up_what_was_acknowledged(void)
{
    expect();
    toolstack_asks();
    guest_acknowledges();
    withdraw();
}

static void
a_request_that_was_acknowledged_and_given_up_is_remembered(void **state)
{
    (void)state;
    expect();
    toolstack_asks();
    assert_false(is_left());
    guest_acknowledges();
    assert_false(is_left()); /* somebody waits for it */
    withdraw();
    assert_true(is_left());
    assert_read_as("");
    withdraw(); /* again, after a kill */
    assert_true(is_left());
}

static void
a_request_that_was_not_acknowledged_is_taken_back(void **state)
{
    (void)state;
    expect();
    toolstack_asks();
    withdraw();
    assert_read_as("");
    assert_false(is_left());
    withdraw();
    assert_false(is_left());
}

static void
a_guest_that_was_never_asked_owes_nothing(void **state)
{
    (void)state;
    withdraw();
    assert_false(is_left());
    expect();
    assert_read_as("");
    withdraw();
    withdraw();
    assert_false(is_left());
    assert_read_as("");
}

static void
a_guest_that_another_toolstack_asks_is_left_to_it(void **state)
{
    (void)state;
    toolstack_asks();
    assert_false(is_left());
    guest_acknowledges();
    assert_false(is_left());
    give_up_what_was_acknowledged();
    toolstack_asks();
    assert_false(is_left());
    guest_acknowledges();
    assert_false(is_left());
}

static void
a_guest_that_is_asked_for_a_new_save_is_left_to_that(void **state)
{
    (void)state;
    give_up_what_was_acknowledged();
    expect();
    toolstack_asks();
    assert_false(is_left());
    guest_acknowledges();
    assert_false(is_left());
    withdraw();
    assert_true(is_left());
}

static void
a_request_of_before_is_remembered_where_a_new_one_was_not_made(void **state)
{
    (void)state;
    give_up_what_was_acknowledged();
    expect();
    withdraw();
    assert_true(is_left());
}

static void
a_request_lets_a_guest_go_on_once_whatever_stands_in_the_store(void **state)
{
    (void)state;
    give_up_what_was_acknowledged();
    assert_true(is_left());
    xk_suspend_forget(&record);
    assert_false(is_left()); /* although the word is still there */
    expect();
    withdraw();
    assert_false(is_left());
}

static void
what_else_a_guest_is_asked_stays(void **state)
{
    (void)state;
    expect();
    say("poweroff");
    withdraw();
    assert_read_as("poweroff");
    expect();
    assert_read_as("poweroff");
}

static void
a_domain_without_the_node_gets_none(void **state)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    (void)state;
    assert_int_equal(
        xk_store_remove(xen.store, XK_STORE_NO_TX, control, soon(), &err), 0);
    expect();
    withdraw();
    assert_false(is_left());
    assert_int_equal(xk_store_read(xen.store, XK_STORE_NO_TX, control, 10,
                                   &value, soon(), &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_NOT_FOUND);
}

static void
a_guest_that_acknowledges_meanwhile_is_believed(void **state)
{
    (void)state;
    expect();
    toolstack_asks();
    guest_acknowledges();
    fake_store_conflict(xen.store, 1);
    withdraw();
    assert_true(is_left());
}

static void
a_store_that_fails_lets_no_guest_go_on(void **state)
{
    (void)state;
    give_up_what_was_acknowledged();
    fake_store_fail(xen.store, 1, XK_ERR_TIMEOUT);
    assert_false(is_left());
    for (unsigned nth = 1; nth <= 2; nth++) {
        fake_store_fail(xen.store, nth, XK_ERR_TIMEOUT);
        assert_int_equal(
            xk_suspend_withdraw(&xen, &record, DOMID, soon(), &err), -1);
    }
    fake_store_fail(xen.store, 0, XK_ERR_FAILED);
    withdraw();
    assert_true(is_left());
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_request_that_was_acknowledged_and_given_up_is_remembered),
        T(a_request_that_was_not_acknowledged_is_taken_back),
        T(a_guest_that_was_never_asked_owes_nothing),
        T(a_guest_that_another_toolstack_asks_is_left_to_it),
        T(a_guest_that_is_asked_for_a_new_save_is_left_to_that),
        T(a_request_of_before_is_remembered_where_a_new_one_was_not_made),
        T(a_request_lets_a_guest_go_on_once_whatever_stands_in_the_store),
        T(what_else_a_guest_is_asked_stays),
        T(a_domain_without_the_node_gets_none),
        T(a_guest_that_acknowledges_meanwhile_is_believed),
        T(a_store_that_fails_lets_no_guest_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
