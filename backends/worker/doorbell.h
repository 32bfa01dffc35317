/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wait for the event channels of one queue, on the loop of the queue's thread.
 *
 * A guest may send events in a loop, and the kernel does not throttle an event
 * channel that a user process has bound (XSA-332). So each event is
 * acknowledged late: after the queue has served its ring, and later still the
 * more events in a row came without a request.
 *
 * All functions are for the thread of the queue.
 */
#ifndef XK_BACKENDS_WORKER_DOORBELL_H
#define XK_BACKENDS_WORKER_DOORBELL_H

#include <linux/time_types.h>
#include <stdbool.h>
#include <stdint.h>

#include "backends/ring/guest.h"
#include "backends/worker/loop.h"

struct xk_doorbell {
    struct xk_guest *guest;
    struct xk_loop *loop;
    /* Set by the owner: a request was taken since the last event. */
    bool was_useful;
    /* The event channel has failed; it is not read again until a reset. The
     * owner stops the queue. */
    bool is_broken;
    /* Counts; other threads may read them. */
    uint64_t events;
    uint64_t empty_events; /* events without a request */

    /* Private to the doorbell. */
    struct xk_loop_op event_op, delay_op;
    uint64_t event_value, ack_value;
    unsigned ack_bytes; /* what the last event was */
    struct __kernel_timespec delay;
    bool is_armed;  /* a read of the next event is pending */
    bool has_event; /* an event came and is not acknowledged */
    bool is_delaying;
    bool was_delayed;
    unsigned empty_in_row;
};

/* guest and loop outlive the doorbell. */
void xk_doorbell_init(struct xk_doorbell *bell, struct xk_guest *guest,
                      struct xk_loop *loop);

/* Forget earlier events. Call it before the guest's channel is bound again. */
void xk_doorbell_reset(struct xk_doorbell *bell);

/* Acknowledge the last event, now or after a delay, and start to wait for the
 * next one. Call it before the thread sleeps. */
void xk_doorbell_arm(struct xk_doorbell *bell);

#endif
