/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finishing or undoing what killed processes left.
 *
 * How it works: an operation writes BEGIN to the journal of the record it has
 * locked and END when it is complete. A record with a BEGIN, no END and a free
 * lock has lost its operation; a table says how each kind is brought to an end.
 * Recovery holds the record's lock, so two processes do not do it at once.
 */
#ifndef XK_TOOLSTACK_RECOVERY_H
#define XK_TOOLSTACK_RECOVERY_H

#include "toolstack/operation.h"

/* The table, as a host carries it down to xk_operation_lock(). */
extern const struct xk_recovery xk_recoveries;

/* Recover every record whose operation was interrupted, within half of the time
 * left at most, so that the verb has the other half. What cannot be recovered
 * is a warning, and is left for the next verb. *count: how many records there
 * are. */
int xk_recover_all(struct xk_host *host, struct xk_deadline deadline,
                   size_t *count, struct xk_error *err);

#endif
