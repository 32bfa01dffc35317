/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event channel of one queue, waited for on the loop of its thread.
 *
 * A guest may send events in a loop, and the kernel does not slow down one
 * whose channel a user process has bound (XSA-332). So each event is
 * acknowledged late: after the queue has looked at its ring, and later the more
 * events came for nothing.
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
    /* The event channel has failed, and is not waited for until reset. The
     * owner stops the queue. */
    bool is_broken;
    /* Counts; other threads may read them. */
    uint64_t events;
    uint64_t empty_events; /* no request came with them */

    /* The doorbell's own. */
    struct xk_loop_op event_op, delay_op;
    uint64_t event_value;
    struct __kernel_timespec delay;
    bool is_armed;  /* the next event is waited for */
    bool has_event; /* one came and is not acknowledged */
    bool is_delaying;
    bool was_delayed;
    unsigned empty_in_row;
};

/* guest and loop outlive the doorbell. */
void xk_doorbell_init(struct xk_doorbell *bell, struct xk_guest *guest,
                      struct xk_loop *loop);

/* The guest's channel was bound anew: what came before means nothing. */
void xk_doorbell_reset(struct xk_doorbell *bell);

/* Before the thread sleeps: acknowledge the last event, or wait before doing
 * so, and wait for the next one. */
void xk_doorbell_arm(struct xk_doorbell *bell);

#endif
