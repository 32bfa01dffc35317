/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forecast the time and the downtime of a move from measurements. */
#ifndef XK_TOOLSTACK_MIGRATION_FORECAST_H
#define XK_TOOLSTACK_MIGRATION_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/migration/link_speed.h"
#include "toolstack/seam/transfer_ops.h"

struct xk_forecast_input {
    struct xk_load load;
    struct xk_link_speed link;
    uint64_t bandwidth;       /* as in xk_migrate_options */
    uint64_t disk_bytes;      /* of the disks to copy */
    unsigned max_downtime_ms; /* 0: the default */
    bool live;
};

struct xk_forecast {
    int64_t total_ns;
    int64_t downtime_ns;
    unsigned rounds;
    /* If false, the guest dirties memory faster than the link carries it: the
     * driver would throttle it, and the downtime would be longer. */
    bool converges;
};

/* Simulate pre-copy: each round sends the memory dirtied during the round
 * before, until the rest fits in the allowed downtime. */
void xk_forecast(const struct xk_forecast_input *input,
                 struct xk_forecast *forecast);

#endif
