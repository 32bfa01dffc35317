/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/worker/doorbell.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/ring/memory_guest.h"
#include "tests/unit/test.h"

static struct xk_memory *memory;
static struct xk_guest *guest;
static struct xk_loop loop;
static struct xk_doorbell bell;
static struct xk_error err;
static int to_backend, to_guest;

static int
set_up(void **state)
{
    (void)state;
    to_backend = eventfd(0, EFD_CLOEXEC);
    to_guest = eventfd(0, EFD_CLOEXEC);
    memory = xk_memory_new(1);
    guest = xk_memory_guest_new(memory, to_backend, to_guest);
    assert_int_equal(xk_guest_bind(guest, 0, 1, &err), 0);
    assert_int_equal(xk_loop_open(&loop, 8, &err), 0);
    xk_doorbell_init(&bell, guest, &loop);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_loop_close(&loop);
    xk_guest_close(guest);
    xk_memory_free(memory);
    close(to_backend);
    close(to_guest);
    return 0;
}

static void
run(void)
{
    assert_int_equal(xk_loop_run(&loop, true, &err), 0);
}

static void
an_event_is_counted_and_waited_for_again(void **state)
{
    (void)state;
    xk_doorbell_arm(&bell);
    assert_int_equal(eventfd_write(to_backend, 1), 0);
    run();
    assert_int_equal(bell.events, 1);
    assert_false(bell.is_armed);
    bell.was_useful = true;
    xk_doorbell_arm(&bell);
    assert_true(bell.is_armed);
    assert_false(bell.is_broken);
    /* Complete the pending read, so that the loop has nothing left. */
    assert_int_equal(eventfd_write(to_backend, 1), 0);
    run();
}

/* The next event of the ports is delivered, and what it was comes back. */
static void
must_acknowledge(int port, const uint32_t *events, size_t bytes)
{
    uint32_t came[2] = {0};

    assert_int_equal(send(port, events, bytes, 0), bytes);
    run();
    bell.was_useful = true;
    xk_doorbell_arm(&bell);
    assert_int_equal(xk_loop_run(&loop, false, &err), 0);
    assert_int_equal(recv(port, came, sizeof(came), 0), bytes);
    assert_memory_equal(came, events, bytes);
}

static void
events_of_one_port_or_two_are_acknowledged_as_they_came(void **state)
{
    static const uint32_t events[2] = {17, 23};
    int ends[2];

    (void)state;
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(dup2(ends[1], guest->event_fd), guest->event_fd);
    guest->wants_ack = true;
    xk_doorbell_arm(&bell);
    must_acknowledge(ends[0], events, sizeof(events[0]));
    must_acknowledge(ends[0], events, sizeof(events));
    must_acknowledge(ends[0], events + 1, sizeof(events[0]));
    assert_int_equal(bell.events, 3);
    /* Complete the pending read, so that the loop has nothing left. */
    assert_int_equal(send(ends[0], events, 4, 0), 4);
    run();
    close(ends[0]);
    close(ends[1]);
}

/* Replace the event channel by a directory, which cannot be read. */
static void
break_channel(void)
{
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_not_equal(folder, -1);
    assert_int_equal(dup2(folder, guest->event_fd), guest->event_fd);
    close(folder);
}

static void
a_broken_channel_is_not_waited_for_until_it_is_bound_anew(void **state)
{
    (void)state;
    break_channel();
    xk_doorbell_arm(&bell);
    run();
    assert_true(bell.is_broken);
    xk_doorbell_arm(&bell);
    assert_false(bell.is_armed);
    assert_int_equal(loop.pending, 0);

    assert_int_equal(dup2(to_guest, guest->event_fd), guest->event_fd);
    xk_doorbell_reset(&bell);
    xk_doorbell_arm(&bell);
    assert_true(bell.is_armed);
    assert_int_equal(eventfd_write(to_guest, 1), 0);
    run();
    assert_int_equal(bell.events, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_event_is_counted_and_waited_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            events_of_one_port_or_two_are_acknowledged_as_they_came, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            a_broken_channel_is_not_waited_for_until_it_is_bound_anew, set_up,
            tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
