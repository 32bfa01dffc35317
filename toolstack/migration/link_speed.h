/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measure the throughput and the round-trip time of the link to another host.
 *
 *   MEASURE {"bytes": N}   ->
 *   DATA ... (N bytes)     ->
 *                          <-   MEASURED
 *
 * Allowed after the target's verdict. The target bounds how often and how much.
 */
#ifndef XK_TOOLSTACK_MIGRATION_LINK_SPEED_H
#define XK_TOOLSTACK_MIGRATION_LINK_SPEED_H

#include "toolstack/migration/session.h"

struct xk_link_speed {
    uint64_t rate; /* bytes per second */
    int64_t round_trip_ns;
};

/* Source: measure the link. Takes about a second. */
int xk_measure_link(struct xk_talk *talk, struct xk_link_speed *speed,
                    struct xk_deadline deadline, struct xk_error *err);

/* Target: read the data that the last MEASURE frame announced, and answer. */
int xk_measure_answer(struct xk_talk *talk, struct xk_error *err);

#endif
