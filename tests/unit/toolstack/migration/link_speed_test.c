/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Measuring a link, over a socket pair. */
#include "tests/unit/test.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "toolstack/migration/link_speed.h"
#include "toolstack/migration/session.h"

#define MIB (UINT64_C(1) << 20)
#define SECOND INT64_C(1000000000)

struct pair {
    int fds[2];
    struct xk_frame_stream streams[4];
    struct xk_talk source, target;
};

static void
make_pair(struct pair *p)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fds), 0);
    for (int i = 0; i < 4; i++)
        p->streams[i] =
            (struct xk_frame_stream){.fd = p->fds[i / 2], .what = "peer"};
    p->source = (struct xk_talk){&p->streams[0], &p->streams[1], 2000, {0}};
    p->target = (struct xk_talk){&p->streams[2], &p->streams[3], 2000, {0}};
}

static void
end_pair(struct pair *p)
{
    close(p->fds[0]);
    close(p->fds[1]);
    xk_talk_end(&p->source);
    xk_talk_end(&p->target);
}

static void *
answer(void *context)
{
    struct xk_talk *talk = context;

    while (xk_frame_read(talk->from, &talk->frame, xk_deadline_in_ms(2000),
                         NULL) == 0 &&
           talk->frame.type == XK_FRAME_MEASURE &&
           xk_measure_answer(talk, NULL) == 0) {
    }
    return NULL;
}

static void
a_way_is_measured(void **context)
{
    struct xk_link_speed speed;
    struct xk_error err = {0};
    struct pair p;
    pthread_t thread;

    (void)context;
    make_pair(&p);
    pthread_create(&thread, NULL, answer, &p.target);
    assert_int_equal(
        xk_measure_link(&p.source, &speed, xk_deadline_in_ms(10000), &err), 0);
    assert_in_range(speed.rate, MIB, MIB << 20);
    assert_in_range(speed.round_trip_ns, 1, SECOND);
    shutdown(p.fds[0], SHUT_RDWR);
    pthread_join(thread, NULL);
    end_pair(&p);
}

/* Send this MEASURE to the target, followed by `bytes` of data. Returns its
 * error. */
static enum xk_error_kind
measured_badly(const char *text, size_t bytes)
{
    struct xk_error err = {.kind = XK_ERR_COUNT};
    struct xk_buf json = {0};
    static char data[4096];
    struct pair p;

    make_pair(&p);
    xk_buf_puts(&json, text);
    xk_frame_write_text(p.source.to, XK_FRAME_MEASURE, &json,
                        xk_deadline_in_ms(1000), NULL);
    if (bytes > 0)
        xk_frame_write(p.source.to, XK_FRAME_DATA, 0, data, bytes, bytes,
                       xk_deadline_in_ms(1000), NULL);
    assert_int_equal(xk_frame_read(p.target.from, &p.target.frame,
                                   xk_deadline_in_ms(1000), NULL),
                     0);
    p.target.silence_ms = 50;
    assert_int_equal(xk_measure_answer(&p.target, &err), -1);
    xk_buf_free(&json);
    end_pair(&p);
    return err.kind;
}

static void
a_target_takes_no_more_than_was_said_and_bounded(void **context)
{
    (void)context;
    assert_int_equal(measured_badly("{}", 0), XK_ERR_PROTOCOL);
    assert_int_equal(measured_badly("{\"bytes\":-1}", 0), XK_ERR_PROTOCOL);
    assert_int_equal(measured_badly("{\"bytes\":99999999999}", 0),
                     XK_ERR_PROTOCOL);
    assert_int_equal(measured_badly("{\"bytes\":10}", 11), XK_ERR_PROTOCOL);
    assert_int_equal(measured_badly("{\"bytes\":10}", 9), XK_ERR_TIMEOUT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_way_is_measured),
        cmocka_unit_test(a_target_takes_no_more_than_was_said_and_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
