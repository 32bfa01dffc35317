/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/frame_stream.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/unit/test.h"

enum {
    FRAMES_MAX = 64
};

static struct xk_stream stream;
static int peer;
static size_t lengths[FRAMES_MAX];
static uint8_t firsts[FRAMES_MAX];
static unsigned taken;

/* Read once, and note the frames that are whole. False: the peer is gone. */
static bool
take(void)
{
    const uint8_t *frame;
    size_t bytes;

    if (!xk_stream_receive(&stream))
        return false;
    while ((frame = xk_stream_next(&stream, &bytes)) != NULL) {
        assert_true(taken < FRAMES_MAX);
        firsts[taken] = frame[0];
        lengths[taken++] = bytes;
    }
    return stream.fd != -1;
}

static void
connect_peer(void)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX,
                                SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                                ends),
                     0);
    peer = ends[1];
    xk_stream_attach(&stream, ends[0]);
}

static int
set_up(void **state)
{
    (void)state;
    taken = 0;
    xk_stream_init(&stream);
    connect_peer();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_stream_free(&stream);
    close(peer);
    return 0;
}

static void
write_peer(const void *bytes, size_t count)
{
    assert_int_equal(write(peer, bytes, count), count);
}

/* A frame of `bytes` bytes, all of them `fill`, with its length. */
static size_t
put_frame(uint8_t *to, size_t bytes, uint8_t fill)
{
    to[0] = (uint8_t)(bytes >> 24);
    to[1] = (uint8_t)(bytes >> 16);
    to[2] = (uint8_t)(bytes >> 8);
    to[3] = (uint8_t)bytes;
    memset(to + 4, fill, bytes);
    return bytes + 4;
}

static void
a_frame_that_comes_byte_by_byte_is_handed_out_once_it_is_whole(void **state)
{
    uint8_t text[64];
    size_t length = put_frame(text, 20, 7);

    (void)state;
    for (size_t i = 0; i < length; i++) {
        assert_int_equal(taken, 0);
        write_peer(text + i, 1);
        assert_true(take());
    }
    assert_int_equal(taken, 1);
    assert_int_equal(lengths[0], 20);
    assert_int_equal(firsts[0], 7);
}

static void
several_frames_of_one_read_are_handed_out_in_order(void **state)
{
    uint8_t text[512];
    size_t length = 0;

    (void)state;
    for (uint8_t i = 0; i < 5; i++)
        length += put_frame(text + length, 14u + i, i);
    write_peer(text, length - 3); /* the last one is cut */
    assert_true(take());
    assert_int_equal(taken, 4);
    write_peer(text + length - 3, 3);
    assert_true(take());
    assert_int_equal(taken, 5);
    for (uint8_t i = 0; i < 5; i++) {
        assert_int_equal(firsts[i], i);
        assert_int_equal(lengths[i], 14 + i);
    }
}

static void
a_length_that_no_frame_has_ends_the_connection(void **state)
{
    static const size_t wrong[] = {0, 13, XK_STREAM_FRAME_MAX + 1, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(wrong); i++) {
        uint8_t header[4] = {(uint8_t)(wrong[i] >> 24),
                             (uint8_t)(wrong[i] >> 16),
                             (uint8_t)(wrong[i] >> 8), (uint8_t)wrong[i]};

        write_peer(header, sizeof(header));
        assert_false(take());
        assert_int_equal(stream.fd, -1);
        close(peer);
        connect_peer();
    }
    assert_int_equal(taken, 0);
}

static void
a_peer_that_goes_is_noticed_and_half_a_frame_of_it_forgotten(void **state)
{
    uint8_t text[64];
    size_t length = put_frame(text, 20, 1);

    (void)state;
    write_peer(text, 9);
    assert_true(take());
    close(peer);
    assert_false(take());
    connect_peer();
    length = put_frame(text, 30, 2);
    write_peer(text, length);
    assert_true(take());
    assert_int_equal(taken, 1);
    assert_int_equal(lengths[0], 30);
}

static void
a_frame_that_is_sent_has_its_length_in_front(void **state)
{
    uint8_t text[64];

    (void)state;
    xk_stream_send(&stream, "fourteen bytes", 14);
    assert_int_equal(read(peer, text, sizeof(text)), 18);
    assert_memory_equal(text, "\0\0\0\016fourteen bytes", 18);
    assert_false(xk_stream_is_behind(&stream));
}

static void
frames_that_are_kept_are_written_together(void **state)
{
    uint8_t text[64];

    (void)state;
    xk_stream_keep(&stream, "fourteen bytes", 14);
    xk_stream_keep(&stream, "FOURTEEN BYTES", 14);
    assert_int_equal(read(peer, text, sizeof(text)), -1);
    assert_true(xk_stream_is_behind(&stream));
    xk_stream_flush(&stream);
    assert_int_equal(read(peer, text, sizeof(text)), 36);
    assert_memory_equal(text, "\0\0\0\016fourteen bytes", 18);
    assert_memory_equal(text + 18, "\0\0\0\016FOURTEEN BYTES", 18);
    assert_false(xk_stream_is_behind(&stream));
}

static void
what_is_kept_is_written_before_a_frame_is_dropped(void **state)
{
    static uint8_t frame[60000];
    uint8_t text[64];

    (void)state;
    for (unsigned i = 0; i <= XK_STREAM_OUT_MAX / sizeof(frame); i++)
        xk_stream_keep(&stream, frame, sizeof(frame));
    assert_int_equal(stream.dropped, 0);
    assert_int_equal(read(peer, text, sizeof(text)), sizeof(text));
}

/* What fits neither the socket nor our memory is dropped whole. */
static void
a_peer_that_does_not_read_loses_whole_frames_only(void **state)
{
    static uint8_t frame[60000];
    static uint8_t text[XK_STREAM_OUT_MAX * 4];
    size_t have = 0, at = 0, frames = 0;
    ssize_t got;

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        memset(frame, (int)i, sizeof(frame));
        xk_stream_send(&stream, frame, sizeof(frame));
    }
    assert_true(xk_stream_is_behind(&stream));
    assert_true(stream.dropped > 0);
    while ((got = read(peer, text + have, sizeof(text) - have)) > 0) {
        have += (size_t)got;
        xk_stream_flush(&stream);
    }
    assert_false(xk_stream_is_behind(&stream));
    for (; at < have; at += 4 + sizeof(frame), frames++)
        assert_int_equal(text[at + 4], text[at + 3 + sizeof(frame)]);
    assert_int_equal(at, have);
    assert_int_equal(frames + stream.dropped, 40);
}

static void
a_frame_that_is_too_long_is_dropped(void **state)
{
    static uint8_t frame[XK_STREAM_FRAME_MAX + 1];

    (void)state;
    xk_stream_send(&stream, frame, sizeof(frame));
    assert_int_equal(stream.dropped, 1);
    assert_false(xk_stream_is_behind(&stream));
}

static void
a_new_peer_gets_nothing_of_what_was_kept_for_the_old_one(void **state)
{
    static uint8_t frame[60000];
    uint8_t text[64];

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        xk_stream_send(&stream, frame, sizeof(frame));
    close(peer);
    connect_peer();
    xk_stream_send(&stream, "fourteen bytes", 14);
    assert_int_equal(read(peer, text, sizeof(text)), 18);
}

/* Its socket is writable, and each write fails. */
static void
a_peer_that_closes_its_ears_is_failed_and_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(shutdown(peer, SHUT_RD), 0);
    xk_stream_send(&stream, "fourteen bytes", 14);
    assert_true(stream.has_failed);
    assert_false(xk_stream_is_behind(&stream));
    connect_peer();
    assert_false(stream.has_failed);
}

static void
without_a_peer_frames_are_dropped(void **state)
{
    (void)state;
    xk_stream_detach(&stream);
    xk_stream_send(&stream, "fourteen bytes", 14);
    assert_false(xk_stream_is_behind(&stream));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_frame_that_comes_byte_by_byte_is_handed_out_once_it_is_whole,
            set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            several_frames_of_one_read_are_handed_out_in_order, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            a_length_that_no_frame_has_ends_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_peer_that_goes_is_noticed_and_half_a_frame_of_it_forgotten,
            set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_frame_that_is_sent_has_its_length_in_front, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            frames_that_are_kept_are_written_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_kept_is_written_before_a_frame_is_dropped, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            a_peer_that_does_not_read_loses_whole_frames_only, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_frame_that_is_too_long_is_dropped,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_new_peer_gets_nothing_of_what_was_kept_for_the_old_one, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            a_peer_that_closes_its_ears_is_failed_and_not_waited_for, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(without_a_peer_frames_are_dropped,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
