/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"
#include "xenstore-helpers/xenbus.h"

static struct xk_store *store;
static struct xk_error err;
static unsigned runs;

static int
set_up(void **state)
{
    (void)state;
    store = fake_store_new();
    runs = 0;
    memset(&err, 0, sizeof(err));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_store_close(store);
    return 0;
}

static struct xk_deadline
ample(void)
{
    return xk_deadline_in_ms(10000);
}

/* Both ends of a device at once. context: a kind to fail with, or NULL. */
static int
write_both(struct xk_store *s, uint32_t tx, void *context,
           struct xk_deadline deadline, struct xk_error *e)
{
    runs++;
    if (xk_store_write(s, tx, "/f/state", "1", deadline, e) == -1 ||
        xk_store_write(s, tx, "/b/state", "1", deadline, e) == -1)
        return -1;
    return context == NULL ? 0 : xk_fail(e, XK_ERR_STATE, "told to give up");
}

static bool
is_there(const char *path)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    return xk_store_read(store, 0, path, 10, &value, ample(), NULL) == 0;
}

static void
a_conflict_makes_the_whole_run_again(void **state)
{
    (void)state;
    fake_store_conflict(store, 3);
    assert_int_equal(xk_store_transact(store, write_both, NULL, ample(), &err),
                     0);
    assert_int_equal(runs, 4);
    assert_true(is_there("/f/state") && is_there("/b/state"));
}

static void
endless_conflicts_end_after_a_number_of_tries(void **state)
{
    (void)state;
    fake_store_conflict(store, 1000);
    assert_int_equal(xk_store_transact(store, write_both, NULL, ample(), &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_BUSY);
    assert_int_equal(runs, XK_STORE_TRIES);
    assert_false(is_there("/f/state"));
}

static void
work_that_fails_leaves_nothing_written(void **state)
{
    int token = 1;

    (void)state;
    assert_int_equal(
        xk_store_transact(store, write_both, &token, ample(), &err), -1);
    assert_int_equal(err.kind, XK_ERR_STATE);
    assert_false(is_there("/f/state"));
}

static void
a_failure_at_any_operation_writes_both_ends_or_none(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth <= 4; nth++) {
        fake_store_fail(store, nth, XK_ERR_FAILED);
        assert_int_equal(
            xk_store_transact(store, write_both, NULL, ample(), &err), -1);
        fake_store_fail(store, 0, XK_ERR_FAILED);
        assert_false(is_there("/f/state"));
        assert_false(is_there("/b/state"));
    }
}

static void
a_store_that_stalls_ends_by_the_deadline(void **state)
{
    int64_t start = xk_now_ns();

    (void)state;
    fake_store_delay(store, 60000);
    assert_int_equal(
        xk_store_transact(store, write_both, NULL, xk_deadline_in_ms(30), &err),
        -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    assert_in_range((xk_now_ns() - start) / 1000000, 20, 5000);
}

static void
a_watch_tells_what_was_committed(void **state)
{
    XK_CLEANUP_STORE_EVENT struct xk_store_event event = {0};

    (void)state;
    assert_int_equal(xk_store_watch(store, "/b", "t", ample(), &err), 0);
    assert_int_equal(xk_store_wait_event(store, &event, ample(), &err), 0);
    assert_string_equal(event.path, "/b");
    xk_store_event_free(&event);
    assert_int_equal(xk_store_transact(store, write_both, NULL, ample(), &err),
                     0);
    assert_int_equal(xk_store_wait_event(store, &event, ample(), &err), 0);
    assert_true(strncmp(event.path, "/b", 2) == 0);
    assert_int_equal(xk_store_unwatch(store, "/b", "t", ample(), &err), 0);
    xk_store_event_free(&event);
    assert_int_equal(xk_store_next_event(store, &event, &err), 0);
}

static void
removing_takes_all_below_and_what_is_not_there_is_no_error(void **state)
{
    (void)state;
    xk_store_write(store, 0, "/a/b/c", "1", ample(), NULL);
    xk_store_write(store, 0, "/ab", "1", ample(), NULL);
    assert_int_equal(xk_store_remove(store, 0, "/a", ample(), &err), 0);
    assert_false(is_there("/a/b/c"));
    assert_true(is_there("/ab"));
    assert_int_equal(xk_store_remove(store, 0, "/a", ample(), &err), 0);
}

static void
states_are_read_strictly(void **state)
{
    enum xk_xenbus_state seen;

    (void)state;
    assert_true(xk_xenbus_state_parse("4", &seen));
    assert_int_equal(seen, XK_XENBUS_CONNECTED);
    assert_string_equal(xk_xenbus_state_name(seen), "Connected");
    assert_false(xk_xenbus_state_parse("9", &seen));
    assert_int_equal(seen, XK_XENBUS_UNKNOWN);
    assert_false(xk_xenbus_state_parse("4 ", &seen));
    assert_false(xk_xenbus_state_parse(NULL, &seen));
    assert_string_equal(xk_xenbus_state_name(-1), "?");
}

static void
a_backend_follows_every_kind_of_frontend(void **state)
{
    static const struct {
        int frontend, backend;
        enum xk_xenbus_action action;
    } rows[] = {
        {1, 1, XK_XENBUS_NOTHING},     {1, 2, XK_XENBUS_NOTHING},
        {3, 2, XK_XENBUS_CONNECT},     {4, 2, XK_XENBUS_CONNECT},
        {3, 4, XK_XENBUS_RECHECK},     {4, 4, XK_XENBUS_RECHECK},
        {5, 4, XK_XENBUS_STOP},        {5, 5, XK_XENBUS_NOTHING},
        {6, 4, XK_XENBUS_CLOSE},       {6, 6, XK_XENBUS_NOTHING},
        {1, 4, XK_XENBUS_ADVERTISE},   {1, 5, XK_XENBUS_ADVERTISE},
        {1, 6, XK_XENBUS_ADVERTISE},   {0, 4, XK_XENBUS_REMOVE},
        {7, 4, XK_XENBUS_RECONFIGURE}, {42, 4, XK_XENBUS_REFUSE},
        {-1, 4, XK_XENBUS_REFUSE},     {2, 4, XK_XENBUS_REFUSE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(
            xk_xenbus_backend_reaction(rows[i].frontend, rows[i].backend),
            rows[i].action);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_conflict_makes_the_whole_run_again),
        T(endless_conflicts_end_after_a_number_of_tries),
        T(work_that_fails_leaves_nothing_written),
        T(a_failure_at_any_operation_writes_both_ends_or_none),
        T(a_store_that_stalls_ends_by_the_deadline),
        T(a_watch_tells_what_was_committed),
        T(removing_takes_all_below_and_what_is_not_there_is_no_error),
        T(states_are_read_strictly),
        T(a_backend_follows_every_kind_of_frontend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
