/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/worker/doorbell.h"

#include <errno.h>

#include "base/util.h"

enum {
    EMPTY_EVENTS_FREE = 4, /* an honest guest may send a few late events */
    DELAY_SHIFT_MAX = 7,   /* 128 ms */
};

static void
event_came(struct xk_loop_op *op, int result)
{
    struct xk_doorbell *bell =
        XK_CONTAINER_OF(op, struct xk_doorbell, event_op);

    bell->is_armed = false;
    if (result > 0) {
        bell->has_event = true;
        bell->ack_value = bell->event_value;
        bell->ack_bytes = (unsigned)result;
        bell->events++;
    } else if (result != -EAGAIN && result != -EINTR && result != -ECANCELED)
        bell->is_broken = true;
}

static void
delay_over(struct xk_loop_op *op, int result)
{
    struct xk_doorbell *bell =
        XK_CONTAINER_OF(op, struct xk_doorbell, delay_op);

    (void)result;
    bell->is_delaying = false;
    bell->was_delayed = true;
}

void
xk_doorbell_init(struct xk_doorbell *bell, struct xk_guest *guest,
                 struct xk_loop *loop)
{
    *bell = (struct xk_doorbell){.guest = guest, .loop = loop};
    bell->event_op.done = event_came;
    bell->delay_op.done = delay_over;
}

void
xk_doorbell_reset(struct xk_doorbell *bell)
{
    bell->empty_in_row = 0;
    bell->has_event = false;
    bell->is_broken = false;
}

/* Count an event without a request: only a guest that floods us sends many. */
static void
count_event(struct xk_doorbell *bell)
{
    if (bell->was_useful)
        bell->empty_in_row = 0;
    else {
        bell->empty_events++;
        bell->empty_in_row++;
    }
    bell->was_useful = false;
}

static void
start_delay(struct xk_doorbell *bell)
{
    unsigned shift = bell->empty_in_row - EMPTY_EVENTS_FREE;

    if (shift > DELAY_SHIFT_MAX)
        shift = DELAY_SHIFT_MAX;
    xk_loop_start_timer(bell->loop, INT64_C(1000000) << shift, &bell->delay,
                        &bell->delay_op);
    bell->is_delaying = true;
}

static void
acknowledge(struct xk_doorbell *bell)
{
    struct io_uring_sqe *sqe;

    if (!bell->guest->wants_ack)
        return;
    sqe = xk_loop_sqe(bell->loop);
    io_uring_prep_write(sqe, bell->guest->event_fd, &bell->ack_value,
                        bell->ack_bytes, 0);
    xk_loop_start(bell->loop, sqe, NULL);
}

static void
await_event(struct xk_doorbell *bell)
{
    struct io_uring_sqe *sqe = xk_loop_sqe(bell->loop);

    io_uring_prep_read(sqe, bell->guest->event_fd, &bell->event_value,
                       bell->guest->event_bytes, 0);
    xk_loop_start(bell->loop, sqe, &bell->event_op);
    bell->is_armed = true;
}

void
xk_doorbell_arm(struct xk_doorbell *bell)
{
    if (bell->is_delaying || bell->is_armed || bell->is_broken)
        return;
    if (bell->has_event && !bell->was_delayed) {
        count_event(bell);
        if (bell->empty_in_row > EMPTY_EVENTS_FREE) {
            start_delay(bell);
            return;
        }
    }
    if (bell->has_event)
        acknowledge(bell);
    bell->has_event = bell->was_delayed = false;
    await_event(bell);
}
