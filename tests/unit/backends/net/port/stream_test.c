/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port "stream", with the other end of its socket in this process. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/net/port/port.h"
#include "base/unix_socket.h"
#include "base/util.h"
#include "contracts/user_network.h"
#include "tests/fakes/scratch.h"

enum {
    WAIT_MS = 10000
};

static char *directory;
static int listen_fd, peer;
static struct xk_port *port;
static uint8_t room[XK_PORT_FRAME_ROOM];

static struct xk_port *
open_port(struct xk_error *err)
{
    const struct xk_port_options options = {.directory = directory,
                                            .queues = 4};

    return xk_port_open_stream(&options, err);
}

static int
set_up(void **state)
{
    struct xk_error err = {0};
    int dir;

    (void)state;
    directory = scratch_new();
    dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    listen_fd = xk_unix_listen(dir, XK_NETWORK_SOCKET, 0600, 1, &err);
    close(dir);
    if (listen_fd == -1)
        return -1;
    port = open_port(&err);
    peer = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    return port != NULL && peer != -1 ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_port_close(port);
    close(peer);
    close(listen_fd);
    scratch_free(directory);
    return 0;
}

static bool
receive(struct xk_frame *frame)
{
    *frame = (struct xk_frame){.bytes = room};
    return port->ops->receive(port, 0, frame);
}

static bool
is_ready(short events)
{
    struct pollfd fd = {.fd = port->ops->fd(port, 0), .events = events};

    return poll(&fd, 1, WAIT_MS) == 1;
}

static bool
send_bytes(uint8_t *bytes, uint32_t length)
{
    const struct xk_frame frame = {.bytes = bytes, .length = length};

    return xk_port_send(port, 0, &frame);
}

static void
it_has_one_queue_and_takes_no_segments(void **state)
{
    uint8_t bytes[60] = {0};
    const struct xk_frame frame = {.bytes = bytes,
                                   .length = sizeof(bytes),
                                   .segment_type = XK_FRAME_TCP4,
                                   .segment_bytes = 1};

    (void)state;
    assert_int_equal(port->queues, 1);
    assert_false(port->features.segments_v4 || port->features.segments_v6);
    assert_false(xk_port_send(port, 0, &frame));
}

/* UDP, 4 bytes from 10.0.2.15:7 to 10.0.2.2:9. */
static void
a_checksum_that_is_missing_is_computed(void **state)
{
    static const uint8_t whole[] = {
        1, 1,  1, 1, 1, 1, 2,  2,  2,    2,    2,   2,   8,   0,  0x45, 0,
        0, 32, 0, 0, 0, 0, 64, 17, 0x62, 0xbb, 10,  0,   2,   15, 10,   0,
        2, 2,  0, 7, 0, 9, 0,  12, 0,    0,    'a', 'b', 'c', 'd'};
    uint8_t bytes[sizeof(whole)], text[64];
    const struct xk_frame frame = {
        .bytes = bytes, .length = sizeof(bytes), .checksum_missing = true};
    uint32_t sum = 0x0a00 + 0x020f + 0x0a00 + 0x0202 + 17 + 12;

    (void)state;
    assert_true(port->features.checksums_v4 && port->features.checksums_v6);
    memcpy(bytes, whole, sizeof(bytes));
    assert_true(xk_port_send(port, 0, &frame));
    assert_int_equal(read(peer, text, sizeof(text)), 4 + sizeof(whole));
    /* The sum over pseudo-header, header with checksum and data is ffff. */
    for (size_t i = 34; i < sizeof(whole); i += 2)
        sum += (uint32_t)text[4 + i] << 8 | text[4 + i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    assert_int_equal(sum, 0xffff);
}

static void
a_frame_of_the_guest_goes_out_behind_its_length(void **state)
{
    uint8_t bytes[] = "fourteen bytes", text[32];

    (void)state;
    assert_true(send_bytes(bytes, 14));
    assert_int_equal(read(peer, text, sizeof(text)), 18);
    assert_memory_equal(text, "\0\0\0\016fourteen bytes", 18);
}

static void
frames_for_the_guest_come_one_by_one(void **state)
{
    struct xk_frame frame;

    (void)state;
    assert_false(receive(&frame));
    assert_int_equal(write(peer, "\0\0\0\016fourteen bytes\0\0\0\017", 22), 22);
    assert_true(is_ready(POLLIN));
    assert_true(receive(&frame));
    assert_int_equal(frame.length, 14);
    assert_memory_equal(room, "fourteen bytes", 14);
    assert_false(frame.checksum_missing || frame.checksum_good);
    assert_false(receive(&frame));
    assert_int_equal(write(peer, "fifteen bytes !", 15), 15);
    assert_true(receive(&frame));
    assert_int_equal(frame.length, 15);
    assert_false(receive(&frame));
}

static void
what_the_network_does_not_read_is_sent_once_it_does(void **state)
{
    static uint8_t bytes[60000];
    static uint8_t text[1 << 20];
    size_t have = 0, sent = 0;

    (void)state;
    while (!port->ops->is_behind(port, 0)) {
        assert_true(send_bytes(bytes, sizeof(bytes)));
        sent++;
    }
    while (have < sent * (sizeof(bytes) + 4)) {
        ssize_t got = read(peer, text, sizeof(text));

        assert_true(got > 0);
        have += (size_t)got;
        assert_true(is_ready(POLLOUT));
        port->ops->drain(port, 0);
    }
    assert_false(port->ops->is_behind(port, 0));
}

static void
a_network_that_never_reads_costs_its_frames(void **state)
{
    static uint8_t bytes[60000];
    unsigned taken = 0;

    (void)state;
    while (taken < 1000 && send_bytes(bytes, sizeof(bytes)))
        taken++;
    assert_true(taken > 0 && taken < 100);
}

static void
a_frame_that_is_too_long_for_a_guest_is_skipped(void **state)
{
    static uint8_t text[4 + XK_FRAME_BYTES_MAX + 1] = {0, 1, 0, 0};
    struct xk_frame frame;

    (void)state;
    assert_int_equal(write(peer, text, sizeof(text)), sizeof(text));
    assert_int_equal(write(peer, "\0\0\0\016fourteen bytes", 18), 18);
    while (!receive(&frame))
        assert_true(is_ready(POLLIN));
    assert_int_equal(frame.length, 14);
    memcpy(text, "\0\0\377\377", 4);
    assert_int_equal(write(peer, text, sizeof(text) - 1), sizeof(text) - 1);
    while (!receive(&frame))
        assert_true(is_ready(POLLIN));
    assert_int_equal(frame.length, XK_FRAME_BYTES_MAX);
}

static void
a_network_that_ends_is_a_port_that_is_lost(void **state)
{
    struct xk_frame frame;
    uint8_t bytes[] = "fourteen bytes";

    (void)state;
    assert_int_equal(write(peer, "\0\0\0\016fourteen bytes", 18), 18);
    close(peer);
    peer = -1;
    assert_true(receive(&frame)); /* what it sent before comes first */
    assert_null(xk_port_loss(port));
    assert_false(receive(&frame));
    assert_non_null(xk_port_loss(port));
    assert_int_equal(port->ops->fd(port, 0), -1);
    assert_false(send_bytes(bytes, 14));
    assert_false(receive(&frame));
    assert_false(port->ops->is_behind(port, 0));
}

static void
a_network_that_lies_is_a_port_that_is_lost(void **state)
{
    struct xk_frame frame;

    (void)state;
    assert_int_equal(write(peer, "\377\377\377\377fourteen bytes", 18), 18);
    assert_false(receive(&frame));
    assert_int_equal(port->ops->fd(port, 0), -1);
}

static void
a_network_that_closes_its_ears_is_a_port_that_is_lost(void **state)
{
    uint8_t bytes[] = "fourteen bytes";

    (void)state;
    assert_int_equal(shutdown(peer, SHUT_RD), 0);
    (void)send_bytes(bytes, 14);
    assert_non_null(xk_port_loss(port));
}

static void
without_a_network_the_port_is_refused(void **state)
{
    struct xk_error err = {0};

    (void)state;
    close(listen_fd);
    listen_fd = -1;
    assert_null(open_port(&err));
    assert_non_null(strstr(err.message, directory));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(it_has_one_queue_and_takes_no_segments),
        T(a_checksum_that_is_missing_is_computed),
        T(a_frame_of_the_guest_goes_out_behind_its_length),
        T(frames_for_the_guest_come_one_by_one),
        T(what_the_network_does_not_read_is_sent_once_it_does),
        T(a_network_that_never_reads_costs_its_frames),
        T(a_frame_that_is_too_long_for_a_guest_is_skipped),
        T(a_network_that_ends_is_a_port_that_is_lost),
        T(a_network_that_lies_is_a_port_that_is_lost),
        T(a_network_that_closes_its_ears_is_a_port_that_is_lost),
        T(without_a_network_the_port_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
