/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Channels between two hosts, which here are the two ends of a socket pair. */
#include "tests/unit/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "toolstack/migration/channel.h"

enum {
    CHANNELS = 3,
    BYTES = 3 << 20,
    SILENCE_MS = 2000,
};

/* One host: its end of the connection, and the sockets of the channels with
 * their users. */
struct end {
    struct xk_frame_stream to, from;
    int users[CHANNELS];
    struct xk_channels *channels;
};

struct fixture {
    int way[2];
    struct end ends[2];
    struct xk_error err;
};

static void
start(struct fixture *f, int side, int64_t silence_ms)
{
    struct end *end = &f->ends[side];
    int fds[CHANNELS];

    end->to = (struct xk_frame_stream){.fd = f->way[side], .what = "peer"};
    end->from = end->to;
    for (int i = 0; i < CHANNELS; i++) {
        int pair[2];

        assert_int_equal(
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        end->users[i] = pair[0];
        fds[i] = pair[1];
    }
    end->channels = xk_channels_start(&end->to, &end->from, fds, CHANNELS,
                                      silence_ms, &f->err);
    assert_non_null(end->channels);
}

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->way),
                     0);
    *context = f;
    return 0;
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    for (int side = 0; side < 2; side++) {
        if (f->way[side] != -1)
            close(f->way[side]);
        for (int i = 0; f->ends[side].to.what != NULL && i < CHANNELS; i++)
            close(f->ends[side].users[i]);
    }
    free(f);
    return 0;
}

/* ---- users ---- */

struct user {
    pthread_t thread;
    int fd;
    unsigned char seed;
    bool writes;
    bool sound; /* all arrived, and nothing else */
};

static void
fill(unsigned char *bytes, unsigned char seed)
{
    uint32_t state = seed + 1U;

    for (size_t i = 0; i < BYTES; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(state >> 24);
    }
}

static void *
run_user(void *context)
{
    struct user *user = context;
    unsigned char *bytes = xk_calloc(1, BYTES);

    fill(bytes, user->seed);
    if (user->writes) {
        user->sound = xk_write_all(user->fd, bytes, BYTES) == 0;
        shutdown(user->fd, SHUT_WR);
    } else {
        struct xk_buf got = {0};

        user->sound =
            xk_read_fd(user->fd, "channel", 2 * BYTES, &got, NULL) == 0 &&
            got.length == BYTES && memcmp(got.data, bytes, BYTES) == 0;
        xk_buf_free(&got);
    }
    free(bytes);
    return NULL;
}

static void
all_bytes_of_all_channels_come_both_ways(void **context)
{
    struct fixture *f = *context;
    struct user users[2][CHANNELS][2];

    start(f, 0, SILENCE_MS);
    start(f, 1, SILENCE_MS);
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < CHANNELS; i++) {
            for (int writes = 0; writes < 2; writes++) {
                struct user *user = &users[side][i][writes];

                *user = (struct user){
                    .fd = f->ends[side].users[i],
                    .seed = (unsigned char)(i * 2 + (side ^ writes)),
                    .writes = writes == 1};
                pthread_create(&user->thread, NULL, run_user, user);
            }
        }
    }
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < CHANNELS; i++) {
            for (int writes = 0; writes < 2; writes++) {
                pthread_join(users[side][i][writes].thread, NULL);
                assert_true(users[side][i][writes].sound);
            }
        }
    }
    for (int side = 0; side < 2; side++) {
        assert_true(xk_channels_bytes(f->ends[side].channels) >=
                    2 * CHANNELS * BYTES);
        assert_int_equal(
            xk_channels_join(f->ends[side].channels, false, &f->err), 0);
    }
}

static void
assert_users_see_the_end(const struct end *end)
{
    for (int i = 0; i < CHANNELS; i++) {
        char byte;

        assert_true(read(end->users[i], &byte, 1) <= 0);
    }
}

static void
one_that_is_stopped_ends_for_its_users(void **context)
{
    struct fixture *f = *context;

    start(f, 0, SILENCE_MS);
    assert_false(xk_channels_have_failed(f->ends[0].channels));
    assert_int_equal(xk_channels_join(f->ends[0].channels, true, &f->err), 0);
    assert_users_see_the_end(&f->ends[0]);
}

static void
a_way_that_is_lost_ends_them_for_users_of_both_sides(void **context)
{
    struct fixture *f = *context;

    start(f, 0, SILENCE_MS);
    start(f, 1, SILENCE_MS);
    shutdown(f->way[0], SHUT_RDWR);
    assert_users_see_the_end(&f->ends[0]);
    assert_users_see_the_end(&f->ends[1]);
    for (int side = 0; side < 2; side++) {
        assert_true(xk_channels_have_failed(f->ends[side].channels));
        assert_int_equal(
            xk_channels_join(f->ends[side].channels, false, &f->err), -1);
        assert_int_equal(f->err.kind, XK_ERR_PROTOCOL);
    }
}

static void
a_peer_that_is_silent_is_given_up(void **context)
{
    struct fixture *f = *context;

    start(f, 0, 100);
    assert_users_see_the_end(&f->ends[0]);
    assert_int_equal(xk_channels_join(f->ends[0].channels, false, &f->err), -1);
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
}

static void
one_with_nothing_to_say_is_not_silent(void **context)
{
    struct fixture *f = *context;
    char byte = 'x';

    /* Longer than the interval between them. */
    start(f, 0, 5000);
    start(f, 1, 5000);
    usleep(2500 * 1000);
    assert_int_equal(write(f->ends[0].users[1], &byte, 1), 1);
    assert_int_equal(read(f->ends[1].users[1], &byte, 1), 1);
    assert_true(f->ends[0].to.sequence >= 2);
    xk_channels_join(f->ends[0].channels, true, NULL);
    xk_channels_join(f->ends[1].channels, true, NULL);
}

/* The error when a peer sends this frame to a host that has channel 0. */
static enum xk_error_kind
said(struct fixture *f, enum xk_frame_type type, const char *payload,
     size_t length)
{
    struct xk_frame_stream peer = {.fd = f->way[1], .what = "test"};

    start(f, 0, SILENCE_MS);
    assert_int_equal(xk_frame_write(&peer, type, 0, payload, length, length,
                                    xk_deadline_in_ms(SILENCE_MS), &f->err),
                     0);
    assert_users_see_the_end(&f->ends[0]);
    f->err.kind = XK_ERR_COUNT;
    xk_channels_join(f->ends[0].channels, false, &f->err);
    return f->err.kind;
}

static void
a_channel_that_is_none_is_refused(void **context)
{
    assert_int_equal(said(*context, XK_FRAME_CHANNEL, "\0\3x", 3),
                     XK_ERR_PROTOCOL);
}

static void
a_frame_without_a_number_is_refused(void **context)
{
    assert_int_equal(said(*context, XK_FRAME_CHANNEL, "x", 1), XK_ERR_PROTOCOL);
}

static void
a_frame_of_another_kind_is_refused(void **context)
{
    assert_int_equal(said(*context, XK_FRAME_COMMIT, "{}", 2), XK_ERR_PROTOCOL);
}

static void
a_failure_of_the_peer_is_told(void **context)
{
    static const char text[] =
        "{\"kind\":\"wrong-state\",\"message\":\"no move\"}";
    struct fixture *f = *context;

    assert_int_equal(said(f, XK_FRAME_FAILED, text, strlen(text)),
                     XK_ERR_STATE);
    assert_non_null(strstr(f->err.message, "no move"));
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(all_bytes_of_all_channels_come_both_ways),
        T(one_that_is_stopped_ends_for_its_users),
        T(a_way_that_is_lost_ends_them_for_users_of_both_sides),
        T(a_peer_that_is_silent_is_given_up),
        T(one_with_nothing_to_say_is_not_silent),
        T(a_channel_that_is_none_is_refused),
        T(a_frame_without_a_number_is_refused),
        T(a_frame_of_another_kind_is_refused),
        T(a_failure_of_the_peer_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
