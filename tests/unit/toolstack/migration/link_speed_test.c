/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan foretells, and what a source may measure. */
#include "tests/unit/test.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "toolstack/migration/link_speed.h"
#include "toolstack/migration/session.h"

#define MIB (UINT64_C(1) << 20)
#define SECOND INT64_C(1000000000)
#define MS INT64_C(1000000)

static struct xk_forecast
forecast(uint64_t memory_mib, uint64_t dirty_mib, uint64_t rate_mib, bool live)
{
    const struct xk_forecast_input input = {
        .load = {memory_mib * MIB, dirty_mib * MIB},
        .link = {rate_mib * MIB, MS},
        .live = live,
    };
    struct xk_forecast result;

    xk_forecast(&input, &result);
    return result;
}

static void
an_idle_guest_takes_as_long_as_its_memory(void **context)
{
    struct xk_forecast f = forecast(1000, 0, 100, true);

    (void)context;
    assert_true(f.converges);
    assert_int_equal(f.rounds, 1);
    assert_in_range(f.total_ns, 10 * SECOND, 11 * SECOND);
    assert_in_range(f.downtime_ns, 1, 20 * MS);
}

static void
a_guest_that_writes_takes_more_rounds_and_stands_still_within_bounds(
    void **context)
{
    struct xk_forecast f = forecast(1000, 50, 100, true);

    (void)context;
    assert_true(f.converges);
    assert_in_range(f.rounds, 3, 8);
    assert_in_range(f.total_ns, 15 * SECOND, 21 * SECOND);
    assert_in_range(f.downtime_ns, 1, 320 * MS);
}

static void
a_guest_that_writes_faster_than_the_way_does_not_converge(void **context)
{
    struct xk_forecast f = forecast(1000, 150, 100, true);

    (void)context;
    assert_false(f.converges);
    assert_true(f.downtime_ns >= 10 * SECOND);
}

static void
a_guest_that_is_not_moved_live_stands_still_for_all_of_it(void **context)
{
    struct xk_forecast f = forecast(1000, 150, 100, false);

    (void)context;
    assert_true(f.converges);
    assert_in_range(f.downtime_ns, 10 * SECOND, 11 * SECOND);
    assert_int_equal(f.total_ns, f.downtime_ns);
}

static void
bandwidth_and_disks_count(void **context)
{
    const struct xk_forecast_input input = {
        .load = {100 * MIB, 0},
        .link = {1000 * MIB, 0},
        .bandwidth = 10 * MIB,
        .disk_bytes = 200 * MIB,
        .live = true,
    };
    struct xk_forecast f;

    (void)context;
    xk_forecast(&input, &f);
    assert_in_range(f.total_ns, 30 * SECOND, 31 * SECOND);
}

static void
a_way_of_no_speed_takes_for_ever_but_not_longer(void **context)
{
    struct xk_forecast f = forecast(UINT64_MAX / MIB, 1, 0, true);

    (void)context;
    assert_true(f.total_ns > 1000000 * SECOND);
    assert_true(f.downtime_ns >= 0);
}

/* ---- over a socket pair ---- */

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

/* Say it to the target, with `bytes` of data behind it: its error. */
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
        cmocka_unit_test(an_idle_guest_takes_as_long_as_its_memory),
        cmocka_unit_test(
            a_guest_that_writes_takes_more_rounds_and_stands_still_within_bounds),
        cmocka_unit_test(
            a_guest_that_writes_faster_than_the_way_does_not_converge),
        cmocka_unit_test(
            a_guest_that_is_not_moved_live_stands_still_for_all_of_it),
        cmocka_unit_test(bandwidth_and_disks_count),
        cmocka_unit_test(a_way_of_no_speed_takes_for_ever_but_not_longer),
        cmocka_unit_test(a_way_is_measured),
        cmocka_unit_test(a_target_takes_no_more_than_was_said_and_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
