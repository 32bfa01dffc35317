/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much a guest may send, by a clock that the test moves. */
#include "backends/net/rate.h"

#include "base/util.h"
#include "tests/unit/test.h"

enum {
    QUEUES = 4,
    FRAME_MAX = 65535,
    BYTES_MIN = 20000000, /* that are measured: many frames, */
    INTERVALS_MIN = 100,  /* and many intervals */
};

static struct xk_netif_rate rate;
static int64_t now;
static uint32_t random_state;

static uint32_t
any(uint32_t max)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % max;
}

static void
start(uint64_t bytes, uint32_t interval_us)
{
    now = INT64_C(5000000000);
    random_state = 1;
    xk_netif_rate_init(&rate, bytes, interval_us, now);
}

/* All of it at once. */
static uint64_t
take_all(uint32_t frame)
{
    uint64_t taken = 0;
    int64_t again;

    while (xk_netif_rate_take(&rate, frame, now, &again))
        taken += frame;
    return taken;
}

/* Queues that always have a frame, and wait as they are told to. They wake a
 * little late. */
static uint64_t
send_until(int64_t end)
{
    uint32_t next[QUEUES] = {0};
    uint64_t sent = 0;

    while (now < end) {
        int64_t wake = INT64_MAX;

        for (unsigned i = 0; i < QUEUES; i++) {
            int64_t again;

            if (next[i] == 0)
                next[i] = 60 + any(FRAME_MAX - 60);
            if (xk_netif_rate_take(&rate, next[i], now, &again)) {
                sent += next[i];
                next[i] = 0;
                again = now;
            }
            assert_true(again >= now);
            wake = again < wake ? again : wake;
        }
        now = wake + any(300000);
    }
    return sent;
}

static void
all_queues_of_a_card_share_its_rate(void **state)
{
    static const struct {
        uint64_t bytes;
        uint32_t interval_us;
    } rows[] = {
        {50000, 50000},   /* 1MB/s */
        {62500, 50000},   /* 10Mb/s */
        {1000, 20000},    /* 50KB/s@20ms */
        {5, 1},           /* 5MB/s@1us */
        {100, 1000000},   /* 100B/s@1s */
        {6250000, 50000}, /* 1Gb/s */
        {1000000, 4000000000u},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        double per_ns =
            (double)rows[i].bytes / ((double)rows[i].interval_us * 1000);
        double wanted = rows[i].bytes > BYTES_MIN / INTERVALS_MIN
                            ? (double)rows[i].bytes * INTERVALS_MIN
                            : BYTES_MIN;
        int64_t begin;
        double ratio;

        start(rows[i].bytes, rows[i].interval_us);
        (void)take_all(60); /* what they begin with */
        begin = now;
        ratio = (double)send_until(begin + (int64_t)(wanted / per_ns));
        ratio /= (double)(now - begin) * per_ns;
        if (ratio < 0.95 || ratio > 1.05)
            fail_msg("row %zu: %.3f of the rate", i, ratio);
    }
}

static void
a_frame_passes_at_the_time_it_was_told_and_not_before(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t frame;
        int64_t again;

        start(1 + any(100000) * i, 1 + any(50000));
        (void)take_all(60);
        random_state = i;
        frame = 60 + any(FRAME_MAX - 60);
        now += any(1000000000);
        if (xk_netif_rate_take(&rate, frame, now, &again))
            continue;
        now = again - 1;
        assert_false(xk_netif_rate_take(&rate, frame, now, &again));
        assert_int_equal(again, now + 1);
        now = again;
        assert_true(xk_netif_rate_take(&rate, frame, now, &again));
    }
}

static void
an_idle_card_saves_a_burst_and_no_more(void **state)
{
    (void)state;
    start(50000, 50000);
    assert_int_equal(take_all(1), 50000);
    now += INT64_C(3600) * 1000000000;
    assert_int_equal(take_all(1), XK_NETIF_BURST_BYTES);
    start(200000, 50000);
    now += INT64_C(3600) * 1000000000;
    assert_int_equal(take_all(1), 200000);
}

static void
the_largest_rate_is_no_obstacle(void **state)
{
    int64_t again;

    (void)state;
    start(INT64_MAX, 1);
    for (unsigned i = 0; i < 100000; i++) {
        now += any(1000000);
        assert_true(xk_netif_rate_take(&rate, FRAME_MAX, now, &again));
    }
}

static void
a_clock_that_stands_still_gives_nothing(void **state)
{
    int64_t again;

    (void)state;
    start(60, 50000);
    assert_true(xk_netif_rate_take(&rate, 60, now, &again));
    for (unsigned i = 0; i < 100; i++)
        assert_false(xk_netif_rate_take(&rate, 60, now - i, &again));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_queues_of_a_card_share_its_rate),
        cmocka_unit_test(a_frame_passes_at_the_time_it_was_told_and_not_before),
        cmocka_unit_test(an_idle_card_saves_a_burst_and_no_more),
        cmocka_unit_test(the_largest_rate_is_no_obstacle),
        cmocka_unit_test(a_clock_that_stands_still_gives_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
