/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The forecast of a move. */
#include "tests/unit/test.h"

#include "toolstack/migration/forecast.h"

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
