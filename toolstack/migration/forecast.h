/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a move would take, by what was measured. */
#ifndef XK_TOOLSTACK_MIGRATION_FORECAST_H
#define XK_TOOLSTACK_MIGRATION_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/migration/link_speed.h"
#include "toolstack/seam/transfer_ops.h"

struct xk_forecast_input {
    struct xk_load load;
    struct xk_link_speed link;
    uint64_t bandwidth;       /* as of xk_migrate_options */
    uint64_t disk_bytes;      /* that go along */
    unsigned max_downtime_ms; /* 0: the default */
    bool live;
};

struct xk_forecast {
    int64_t total_ns;
    int64_t downtime_ns;
    unsigned rounds;
    bool converges; /* else the guest writes faster than can be sent: it would
                       be slowed down, and stand still for longer */
};

/* Rounds over the memory, each over what was written during the one before,
 * until the rest fits in the time that the guest may stand still. */
void xk_forecast(const struct xk_forecast_input *input,
                 struct xk_forecast *forecast);

#endif
