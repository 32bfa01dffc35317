/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes over the socket: the test is xenstored. Answers are laid into the
 * socket before they are asked for; requests are numbered from 1. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/unit/test.h"
#include "xenstore-helpers/queue.h"
#include "xenstore-helpers/wire_internal.h"

static int peer; /* xenstored's end */
static struct xk_store *store;
static struct xk_error err;

static int
set_up(void **state)
{
    int ends[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == -1)
        return -1;
    peer = ends[1];
    memset(&err, 0, sizeof(err));
    store = xk_store_open_fd(ends[0], NULL);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_store_close(store);
    if (peer != -1)
        close(peer);
    return 0;
}

static void
lay(uint32_t type, uint32_t request, const void *data, size_t length)
{
    struct xk_wire_header header = {type, request, 0, (uint32_t)length};

    assert_int_equal(write(peer, &header, sizeof(header)), sizeof(header));
    if (length > 0)
        assert_int_equal(write(peer, data, length), length);
}

#define LAY(type, request, text) lay(type, request, text, sizeof(text) - 1)

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(30);
}

static int
read_into(struct xk_buf *value)
{
    return xk_store_read(store, 0, "/a", 100, value, soon(), &err);
}

static void
a_value_is_asked_for_and_read(void **state)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};
    struct xk_wire_header header;
    char path[3];

    (void)state;
    LAY(XK_WIRE_READ, 1, "hello");
    assert_int_equal(read_into(&value), 0);
    assert_string_equal(value.data, "hello");
    assert_int_equal(read(peer, &header, sizeof(header)), sizeof(header));
    assert_int_equal(header.type, XK_WIRE_READ);
    assert_int_equal(header.length, 3);
    assert_int_equal(read(peer, path, 3), 3);
    assert_memory_equal(path, "/a", 3);
}

static void
assert_asked(uint32_t type, const char *bytes, size_t length)
{
    struct xk_wire_header header;
    char data[64];

    assert_int_equal(read(peer, &header, sizeof(header)), sizeof(header));
    assert_int_equal(header.type, type);
    assert_int_equal(header.length, length);
    assert_int_equal(read(peer, data, length), length);
    assert_memory_equal(data, bytes, length);
}

static void
each_text_of_a_request_is_ended_by_a_nul(void **state)
{
    static const struct xk_store_perm perms[] = {{'n', 1}, {'r', 0}};
    XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};

    (void)state;
    LAY(XK_WIRE_SET_PERMS, 1, "OK\0");
    assert_int_equal(xk_store_set_perms(store, 0, "/a", perms, 2, soon(), &err),
                     0);
    assert_asked(XK_WIRE_SET_PERMS, "/a\0n1\0r0", 9);
    LAY(XK_WIRE_ERROR, 2, "E2BIG\0");
    LAY(XK_WIRE_LIST_PART, 3, "7\0b\0\0");
    assert_int_equal(xk_store_list(store, 0, "/a", &names, soon(), &err), 0);
    assert_asked(XK_WIRE_LIST, "/a", 3);
    assert_asked(XK_WIRE_LIST_PART, "/a\0000", 5);
    assert_int_equal(names.count, 1);
}

static void
many_values_are_asked_for_in_one_turn(void **state)
{
    static const char *const paths[] = {"/a", "/b", "/c"};
    struct xk_buf values[3] = {{0}};
    struct xk_wire_header header;
    char path[3];

    (void)state;
    LAY(XK_WIRE_READ, 1, "one");
    LAY(XK_WIRE_ERROR, 2, "ENOENT\0");
    LAY(XK_WIRE_READ, 3, "");
    assert_int_equal(
        xk_store_read_all(store, 0, paths, 3, 10, values, soon(), &err), 0);
    assert_string_equal(values[0].data, "one");
    assert_null(values[1].data);
    assert_string_equal(values[2].data, "");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read(peer, &header, sizeof(header)), sizeof(header));
        assert_int_equal(header.request, i + 1);
        assert_int_equal(read(peer, path, 3), 3);
        assert_string_equal(path, paths[i]);
        xk_buf_free(&values[i]);
    }
}

static void
of_many_values_one_that_is_refused_or_late_fails_all(void **state)
{
    static const char *const paths[] = {"/a", "/b"};
    struct xk_buf values[2] = {{0}};

    (void)state;
    LAY(XK_WIRE_READ, 1, "one");
    LAY(XK_WIRE_ERROR, 2, "EACCES\0");
    assert_int_equal(
        xk_store_read_all(store, 0, paths, 2, 10, values, soon(), &err), -1);
    assert_int_equal(err.kind, XK_ERR_HOST);
    xk_buf_free(&values[0]);
    LAY(XK_WIRE_READ, 3, "one");
    assert_int_equal(
        xk_store_read_all(store, 0, paths, 2, 10, values, soon(), &err), -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    xk_buf_free(&values[0]);
}

static void
more_values_than_a_burst_are_read(void **state)
{
    enum {
        MANY = XK_STORE_BURST + 1
    };
    const char *paths[MANY];
    struct xk_buf values[MANY] = {{0}};

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        paths[i] = "/a";
        LAY(XK_WIRE_READ, i + 1, "x");
    }
    assert_int_equal(
        xk_store_read_all(store, 0, paths, MANY, 10, values, soon(), &err), 0);
    for (int i = 0; i < MANY; i++) {
        assert_string_equal(values[i].data, "x");
        xk_buf_free(&values[i]);
    }
}

static void
many_changes_are_asked_for_in_one_turn(void **state)
{
    static const struct xk_store_change changes[] = {
        {.kind = XK_STORE_REMOVE, .path = "/a"},
        {.kind = XK_STORE_MAKE, .path = "/a"},
        {.kind = XK_STORE_PERMS,
         .path = "/a",
         .perms = {{'n', 0}, {'r', 7}},
         .perm_count = 2},
        {.kind = XK_STORE_WRITE, .path = "/a/b", .value = "v"},
    };

    (void)state;
    LAY(XK_WIRE_ERROR, 1, "ENOENT\0");
    LAY(XK_WIRE_MKDIR, 2, "OK\0");
    LAY(XK_WIRE_SET_PERMS, 3, "OK\0");
    LAY(XK_WIRE_WRITE, 4, "OK\0");
    assert_int_equal(xk_store_apply(store, 3, changes, 4, soon(), &err), 0);
    assert_asked(XK_WIRE_RM, "/a", 3);
    assert_asked(XK_WIRE_MKDIR, "/a", 3);
    assert_asked(XK_WIRE_SET_PERMS, "/a\0n0\0r7", 9);
    assert_asked(XK_WIRE_WRITE, "/a/b\0v", 6);
}

static void
of_many_changes_the_first_that_is_refused_is_the_failure(void **state)
{
    static const struct xk_store_change changes[] = {
        {.kind = XK_STORE_MAKE, .path = "/a"},
        {.kind = XK_STORE_MAKE, .path = "/b"},
        {.kind = XK_STORE_WRITE, .path = "/c", .value = ""},
    };
    static const struct xk_store_change wrong = {.kind = XK_STORE_MAKE,
                                                 .path = "/a//b"};

    (void)state;
    LAY(XK_WIRE_MKDIR, 1, "OK\0");
    LAY(XK_WIRE_ERROR, 2, "EACCES\0");
    LAY(XK_WIRE_ERROR, 3, "ENOENT\0");
    assert_int_equal(xk_store_apply(store, 3, changes, 3, soon(), &err), -1);
    assert_int_equal(err.kind, XK_ERR_HOST);
    assert_non_null(strstr(err.message, "/b"));
    assert_int_equal(xk_store_apply(store, 3, &wrong, 1, soon(), &err), -1);
    assert_int_equal(err.kind, XK_ERR_USAGE);
}

static void
a_domain_is_introduced_by_its_numbers(void **state)
{
    (void)state;
    LAY(XK_WIRE_INTRODUCE, 1, "OK\0");
    assert_int_equal(xk_store_introduce(store, 7, 0xfeffc, 3, soon(), &err), 0);
    assert_asked(XK_WIRE_INTRODUCE, "7\0001044476\0003", 12);
}

static void
an_empty_value_is_an_empty_text(void **state)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    (void)state;
    LAY(XK_WIRE_READ, 1, "");
    assert_int_equal(read_into(&value), 0);
    assert_string_equal(value.data, "");
}

static void
a_stopped_xenstored_is_a_timeout(void **state)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    (void)state;
    assert_int_equal(read_into(&value), -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
}

static void
an_answer_that_came_too_late_is_not_taken_for_the_next(void **state)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    (void)state;
    assert_int_equal(read_into(&value), -1);
    LAY(XK_WIRE_READ, 1, "old");
    LAY(XK_WIRE_READ, 2, "new");
    assert_int_equal(read_into(&value), 0);
    assert_string_equal(value.data, "new");
}

static void
a_killed_xenstored_is_said_at_once_and_ever_after(void **state)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    (void)state;
    close(peer);
    peer = -1;
    assert_int_equal(read_into(&value), -1);
    assert_int_equal(err.kind, XK_ERR_HOST);
    assert_int_equal(read_into(&value), -1);
    assert_int_equal(err.kind, XK_ERR_HOST);
}

static void
errors_have_the_kind_that_says_what_to_do(void **state)
{
    static const struct {
        const char *name;
        enum xk_error_kind kind;
    } rows[] = {
        {"ENOENT", XK_ERR_NOT_FOUND},   {"EACCES", XK_ERR_HOST},
        {"EEXIST", XK_ERR_EXISTS},      {"ENOSPC", XK_ERR_FAILED},
        {"ENOSYS", XK_ERR_UNSUPPORTED}, {"EWHATEVER", XK_ERR_FAILED},
    };
    XK_CLEANUP_BUF struct xk_buf value = {0};

    (void)state;
    for (uint32_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        lay(XK_WIRE_ERROR, i + 1, rows[i].name, strlen(rows[i].name) + 1);
        assert_int_equal(read_into(&value), -1);
        assert_int_equal(err.kind, rows[i].kind);
    }
}

static void
a_message_that_claims_too_much_is_refused_unread(void **state)
{
    struct xk_wire_header header = {XK_WIRE_READ, 1, 0, UINT32_MAX};
    XK_CLEANUP_BUF struct xk_buf value = {0};

    (void)state;
    assert_int_equal(write(peer, &header, sizeof(header)), sizeof(header));
    assert_int_equal(read_into(&value), -1);
    assert_int_equal(err.kind, XK_ERR_PROTOCOL);
}

static void
an_answer_of_another_type_is_refused(void **state)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    (void)state;
    LAY(XK_WIRE_WRITE, 1, "OK");
    assert_int_equal(read_into(&value), -1);
    assert_int_equal(err.kind, XK_ERR_PROTOCOL);
}

static void
a_value_that_is_too_long_or_holds_a_nul_is_refused(void **state)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};
    char big[101];

    (void)state;
    memset(big, 'x', sizeof(big));
    lay(XK_WIRE_READ, 1, big, sizeof(big));
    LAY(XK_WIRE_READ, 2, "a\0b");
    assert_int_equal(read_into(&value), -1);
    assert_int_equal(err.kind, XK_ERR_PROTOCOL);
    assert_int_equal(read_into(&value), -1);
    assert_int_equal(err.kind, XK_ERR_PROTOCOL);
    assert_int_equal(value.length, 0);
}

static void
numbers_are_digits_only_and_within_their_range(void **state)
{
    static const char *const bad[] = {"", " 1", "-1", "1x", "101"};
    uint64_t number = 7;

    (void)state;
    LAY(XK_WIRE_READ, 1, "100");
    assert_int_equal(
        xk_store_read_u64(store, 0, "/a", 100, &number, soon(), &err), 0);
    assert_int_equal(number, 100);
    for (uint32_t i = 0; i < XK_ARRAY_SIZE(bad); i++) {
        lay(XK_WIRE_READ, i + 2, bad[i], strlen(bad[i]));
        assert_int_equal(
            xk_store_read_u64(store, 0, "/a", 100, &number, soon(), &err), -1);
        assert_int_equal(err.kind, XK_ERR_PROTOCOL);
    }
}

static void
events_between_are_kept_and_equal_ones_given_once(void **state)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};
    XK_CLEANUP_STORE_EVENT struct xk_store_event event = {0};

    (void)state;
    LAY(XK_WIRE_EVENT, 0, "/x\0t\0");
    LAY(XK_WIRE_EVENT, 0, "/x\0t\0");
    LAY(XK_WIRE_READ, 1, "v");
    assert_int_equal(read_into(&value), 0);
    assert_int_equal(xk_store_next_event(store, &event, &err), 1);
    assert_string_equal(event.path, "/x");
    assert_string_equal(event.token, "t");
    xk_store_event_free(&event);
    assert_int_equal(xk_store_next_event(store, &event, &err), 0);
}

static void
half_an_event_is_refused(void **state)
{
    struct xk_store_event event = {0};

    (void)state;
    LAY(XK_WIRE_EVENT, 0, "/x\0t");
    assert_int_equal(xk_store_next_event(store, &event, &err), -1);
    assert_int_equal(err.kind, XK_ERR_PROTOCOL);
}

static void
waiting_for_an_event_ends_by_its_deadline(void **state)
{
    struct xk_store_event event = {0};

    (void)state;
    assert_int_equal(xk_store_wait_event(store, &event, soon(), &err), -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
}

static void
a_long_list_is_read_in_parts(void **state)
{
    XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};

    (void)state;
    LAY(XK_WIRE_ERROR, 1, "E2BIG\0");
    LAY(XK_WIRE_LIST_PART, 2, "7\0a\0b\0");
    LAY(XK_WIRE_LIST_PART, 3, "7\0c\0\0");
    assert_int_equal(xk_store_list(store, 0, "/a", &names, soon(), &err), 0);
    assert_int_equal(names.count, 3);
    assert_string_equal(names.items[2], "c");
}

static void
a_long_list_that_changes_meanwhile_is_read_anew(void **state)
{
    XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};

    (void)state;
    LAY(XK_WIRE_ERROR, 1, "E2BIG\0");
    LAY(XK_WIRE_LIST_PART, 2, "7\0a\0b\0");
    LAY(XK_WIRE_LIST_PART, 3, "8\0c\0\0");
    LAY(XK_WIRE_LIST_PART, 4, "8\0z\0\0");
    assert_int_equal(xk_store_list(store, 0, "/a", &names, soon(), &err), 0);
    assert_int_equal(names.count, 1);
    assert_string_equal(names.items[0], "z");
}

static void
paths_that_xenstore_does_not_have_are_never_sent(void **state)
{
    static const char *const bad[] = {"", "a", "/a/", "/a//b", "/a b", "/\n"};
    char byte;

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(bad); i++) {
        assert_int_equal(xk_store_write(store, 0, bad[i], "v", soon(), &err),
                         -1);
        assert_int_equal(err.kind, XK_ERR_USAGE);
    }
    assert_int_equal(recv(peer, &byte, 1, MSG_DONTWAIT), -1);
}

static void
no_xenstored_is_the_host_and_says_what_to_do(void **state)
{
    (void)state;
    assert_null(xk_store_open("/nonexistent/socket", soon(), &err));
    assert_int_equal(err.kind, XK_ERR_HOST);
    assert_non_null(strstr(err.message, "start it"));
}

static void
a_flood_of_events_takes_bounded_room_and_loses_no_watch(void **state)
{
    struct xk_store_queue queue = {0};
    struct xk_store_event event;
    char path[32];
    bool quiet_seen = false, flooded_seen = false;

    (void)state;
    xk_store_queue_add(&queue, "/quiet", "q");
    for (int i = 0; i < 5000; i++) {
        snprintf(path, sizeof(path), "/flood/%d", i);
        xk_store_queue_add(&queue, path, "f");
        assert_in_range(queue.count, 1, XK_STORE_QUEUE_MAX + 1);
    }
    while (xk_store_queue_take(&queue, &event) == 1) {
        quiet_seen = quiet_seen || strcmp(event.token, "q") == 0;
        flooded_seen =
            flooded_seen || (event.path == NULL && event.token[0] == 'f');
        xk_store_event_free(&event);
    }
    assert_true(quiet_seen);
    assert_true(flooded_seen);
    xk_store_queue_free(&queue);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_value_is_asked_for_and_read),
        T(each_text_of_a_request_is_ended_by_a_nul),
        T(many_values_are_asked_for_in_one_turn),
        T(of_many_values_one_that_is_refused_or_late_fails_all),
        T(more_values_than_a_burst_are_read),
        T(many_changes_are_asked_for_in_one_turn),
        T(of_many_changes_the_first_that_is_refused_is_the_failure),
        T(a_domain_is_introduced_by_its_numbers),
        T(an_empty_value_is_an_empty_text),
        T(a_stopped_xenstored_is_a_timeout),
        T(an_answer_that_came_too_late_is_not_taken_for_the_next),
        T(a_killed_xenstored_is_said_at_once_and_ever_after),
        T(errors_have_the_kind_that_says_what_to_do),
        T(a_message_that_claims_too_much_is_refused_unread),
        T(an_answer_of_another_type_is_refused),
        T(a_value_that_is_too_long_or_holds_a_nul_is_refused),
        T(numbers_are_digits_only_and_within_their_range),
        T(events_between_are_kept_and_equal_ones_given_once),
        T(half_an_event_is_refused),
        T(waiting_for_an_event_ends_by_its_deadline),
        T(a_long_list_is_read_in_parts),
        T(a_long_list_that_changes_meanwhile_is_read_anew),
        T(paths_that_xenstore_does_not_have_are_never_sent),
        T(no_xenstored_is_the_host_and_says_what_to_do),
        T(a_flood_of_events_takes_bounded_room_and_loses_no_watch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
