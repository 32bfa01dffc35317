/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast the way to another host is, and what a move by it would take.
 *
 *   MEASURE {"bytes": N}   ->
 *   DATA ... (N bytes)     ->
 *                          <-   MEASURED
 *
 * After the target's verdict, as often as the source likes, within bounds.
 */
#ifndef XK_TOOLSTACK_MIGRATION_LINK_SPEED_H
#define XK_TOOLSTACK_MIGRATION_LINK_SPEED_H

#include "toolstack/migration/session.h"
#include "toolstack/seam/transfer_ops.h"

struct xk_link_speed {
    uint64_t rate; /* bytes per second */
    int64_t round_trip_ns;
};

/* At the source. Takes about a second. */
int xk_measure_link(struct xk_talk *talk, struct xk_link_speed *speed,
                    struct xk_deadline deadline, struct xk_error *err);

/* At the target: take what the MEASURE frame read last speaks of. */
int xk_measure_answer(struct xk_talk *talk, struct xk_error *err);

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
