/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/forecast.h"

enum {
    DOWNTIME_MS = 300,
    ROUNDS_MAX = 30,
    SWITCH_MS = 10, /* to stop and to resume the guest, without the link */
};

#define SECOND_NS INT64_C(1000000000)
#define MS_NS INT64_C(1000000)

static int64_t
time_for(double bytes, double rate)
{
    double ns = bytes / rate * (double)SECOND_NS;

    return ns < (double)(INT64_MAX / 4) ? (int64_t)ns : INT64_MAX / 4;
}

static void
forecast_rounds(const struct xk_forecast_input *input, double rate,
                int64_t limit_ns, struct xk_forecast *forecast)
{
    double memory = (double)input->load.memory_bytes, left = memory;

    while (forecast->rounds < ROUNDS_MAX) {
        int64_t round_ns = time_for(left, rate);

        forecast->total_ns += round_ns;
        forecast->rounds++;
        left = (double)input->load.dirty_rate * (double)round_ns /
               (double)SECOND_NS;
        if (left > memory)
            left = memory;
        forecast->downtime_ns = time_for(left, rate);
        if (forecast->downtime_ns <= limit_ns) {
            forecast->converges = true;
            return;
        }
        if ((double)input->load.dirty_rate >= rate)
            return;
    }
}

void
xk_forecast(const struct xk_forecast_input *input, struct xk_forecast *forecast)
{
    uint64_t rate = input->link.rate;
    int64_t limit_ns =
        MS_NS * (input->max_downtime_ms != 0 ? (int64_t)input->max_downtime_ms
                                             : DOWNTIME_MS);
    int64_t switch_ns = 2 * input->link.round_trip_ns + SWITCH_MS * MS_NS;

    *forecast = (struct xk_forecast){0};
    if (input->bandwidth != 0 && input->bandwidth < rate)
        rate = input->bandwidth;
    if (rate == 0)
        rate = 1;
    if (input->live) {
        forecast_rounds(input, (double)rate, limit_ns, forecast);
    } else {
        forecast->rounds = 1;
        forecast->converges = true;
        forecast->downtime_ns =
            time_for((double)input->load.memory_bytes, (double)rate);
    }
    forecast->downtime_ns += switch_ns;
    forecast->total_ns += forecast->downtime_ns +
                          time_for((double)input->disk_bytes, (double)rate);
}
