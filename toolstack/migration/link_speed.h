/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast the way to another host is.
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

struct xk_link_speed {
    uint64_t rate; /* bytes per second */
    int64_t round_trip_ns;
};

/* At the source. Takes about a second. */
int xk_measure_link(struct xk_talk *talk, struct xk_link_speed *speed,
                    struct xk_deadline deadline, struct xk_error *err);

/* At the target: take what the MEASURE frame read last speaks of. */
int xk_measure_answer(struct xk_talk *talk, struct xk_error *err);

#endif
