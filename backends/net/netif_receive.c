/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/netif_receive.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    /* A frame takes as many pages as it fills, so all frames of a round fit
     * into as many as the ring has, and the one that waits. */
    BATCH_BYTES = XK_NETIF_ENTRIES * XK_NETIF_PAGE_BYTES + XK_PORT_FRAME_ROOM,
    ROUND_BYTES = XK_NETIF_ENTRIES * XK_NETIF_PAGE_BYTES,
    ROUND_FRAMES = 32, /* those that the guest does not get included */
};

#define LOOK_AGAIN_NS INT64_C(1000000000)

/* ---- its life ---- */

static void
port_is_readable(struct xk_loop_op *op, int result)
{
    struct xk_netif_receiver *receiver =
        XK_CONTAINER_OF(op, struct xk_netif_receiver, port_op);

    (void)result;
    receiver->is_watching = false;
}

static void
port_is_writable(struct xk_loop_op *op, int result)
{
    struct xk_netif_receiver *receiver =
        XK_CONTAINER_OF(op, struct xk_netif_receiver, drain_op);

    (void)result;
    receiver->is_draining = false;
    receiver->port->ops->drain(receiver->port, receiver->queue);
}

static void
time_is_over(struct xk_loop_op *op, int result)
{
    (void)result;
    XK_CONTAINER_OF(op, struct xk_netif_receiver, stall_op)->is_timing = false;
}

void
xk_netif_receiver_init(struct xk_netif_receiver *receiver)
{
    receiver->port_op.done = port_is_readable;
    receiver->drain_op.done = port_is_writable;
    receiver->stall_op.done = time_is_over;
    if (xk_port_delivers(receiver->port))
        receiver->batch = (uint8_t *)xk_map_pages(BATCH_BYTES);
}

void
xk_netif_receiver_free(struct xk_netif_receiver *receiver)
{
    xk_unmap_pages(receiver->batch, BATCH_BYTES);
}

void
xk_netif_receiver_reset(struct xk_netif_receiver *receiver)
{
    receiver->waiting.bytes = NULL;
    receiver->waiting_since_ns = 0;
    receiver->is_stalled = false;
}

/* ---- frames and their pages ---- */

static uint32_t
whole_pages(uint32_t bytes)
{
    return (bytes + XK_NETIF_PAGE_BYTES - 1) / XK_NETIF_PAGE_BYTES;
}

static uint32_t
slots_of(const struct xk_frame *frame)
{
    return whole_pages(frame->length) + (frame->segment_type != XK_FRAME_WHOLE);
}

/* The frame that waits comes first. */
static bool
next_frame(struct xk_netif_receiver *receiver, struct xk_frame *frame)
{
    if (receiver->waiting.bytes != NULL) {
        *frame = receiver->waiting;
        receiver->waiting.bytes = NULL;
        return true;
    }
    *frame = (struct xk_frame){.bytes = receiver->batch + receiver->batch_used};
    return receiver->port->ops->receive(receiver->port, receiver->queue, frame);
}

static struct xk_netif_rx
take_page(struct xk_netif_receiver *receiver)
{
    uint32_t words[2];

    xk_ring_read(&receiver->ring, receiver->ring.req_cons++, words);
    return xk_netif_decode_rx(words);
}

static uint8_t *
add_response(struct xk_netif_receiver *receiver, int copy)
{
    unsigned at = receiver->response_count++;

    receiver->copy_of[at] = copy;
    receiver->is_last[at] = false;
    return receiver->responses[at];
}

static void
plan_page(struct xk_netif_receiver *receiver, const struct xk_frame *frame,
          uint32_t at, uint16_t flags)
{
    struct xk_netif_rx rx = take_page(receiver);
    uint32_t left = frame->length - at;
    uint16_t bytes =
        (uint16_t)(left < XK_NETIF_PAGE_BYTES ? left : XK_NETIF_PAGE_BYTES);
    struct xk_netif_rx_response response = {
        .id = rx.id,
        .flags = (uint16_t)(flags | (left > bytes ? XK_NETIF_RX_MORE_DATA : 0)),
        .status = (int16_t)bytes,
    };

    receiver->copies[receiver->copy_count] = (struct xk_guest_copy){
        .local = frame->bytes + at,
        .gref = rx.gref,
        .length = bytes,
        .to_guest = true,
    };
    xk_netif_encode_rx(&response,
                       add_response(receiver, (int)receiver->copy_count));
    receiver->copy_count++;
}

static uint16_t
first_flags(const struct xk_frame *frame)
{
    unsigned flags = 0;

    if (frame->checksum_missing)
        flags |= XK_NETIF_RX_CHECKSUM_MISSING | XK_NETIF_RX_CHECKSUM_GOOD;
    if (frame->checksum_good)
        flags |= XK_NETIF_RX_CHECKSUM_GOOD;
    if (frame->segment_type != XK_FRAME_WHOLE)
        flags |= XK_NETIF_RX_EXTRA;
    return (uint16_t)flags;
}

/* The extra information takes a page of the guest's too, and leaves it empty.
 * Each frame begins a page of the batch: a copy that crosses a page boundary is
 * two. */
static void
plan_frame(struct xk_netif_receiver *receiver, const struct xk_frame *frame)
{
    plan_page(receiver, frame, 0, first_flags(frame));
    if (frame->segment_type != XK_FRAME_WHOLE) {
        (void)take_page(receiver);
        xk_netif_encode_gso(frame->segment_type, frame->segment_bytes,
                            add_response(receiver, -1));
    }
    for (uint32_t at = XK_NETIF_PAGE_BYTES; at < frame->length;
         at += XK_NETIF_PAGE_BYTES)
        plan_page(receiver, frame, at, 0);
    receiver->is_last[receiver->response_count - 1] = true;
    receiver->frame_bytes[receiver->response_count - 1] = frame->length;
    receiver->batch_used += whole_pages(frame->length) * XK_NETIF_PAGE_BYTES;
}

/* ---- a round ---- */

/* A page that could not be written has an error for its length; its frame keeps
 * its responses, because the frontend counts on their number. */
static bool
answer(struct xk_netif_receiver *receiver)
{
    const int16_t failed = XK_NETIF_ERROR;
    bool is_whole = true;

    for (unsigned i = 0; i < receiver->response_count; i++) {
        int copy = receiver->copy_of[i];

        if (copy != -1 && receiver->copies[copy].status != XK_GUEST_COPY_OK) {
            memcpy(receiver->responses[i] + 6, &failed, sizeof(failed));
            is_whole = false;
        }
        xk_ring_answer(&receiver->ring, receiver->responses[i],
                       XK_NETIF_RX_RESPONSE_BYTES);
        if (!receiver->is_last[i])
            continue;
        if (is_whole) {
            receiver->stats.packets++;
            receiver->stats.bytes += receiver->frame_bytes[i];
        } else
            receiver->stats.dropped++;
        is_whole = true;
    }
    return xk_ring_publish(&receiver->ring);
}

/* False: the guest is stalled, and the frame is dropped. */
static bool
wait_for_pages(struct xk_netif_receiver *receiver, const struct xk_frame *frame)
{
    if (receiver->is_stalled) {
        receiver->stats.dropped++;
        return false;
    }
    if (receiver->waiting_since_ns == 0)
        receiver->waiting_since_ns = xk_now_ns();
    receiver->waiting = *frame;
    return true;
}

/* How long the frame that waits may still do so. */
static int64_t
patience_left(const struct xk_netif_receiver *receiver)
{
    return receiver->waiting_since_ns +
           (int64_t)receiver->patience_ms * 1000000 - xk_now_ns();
}

/* Whatever there is for the guest has to find its pages at once from now on. */
static void
stall(struct xk_netif_receiver *receiver)
{
    receiver->is_stalled = true;
    receiver->stats.stalls++;
}

/* The one that waits is moved out of the way of the next round. */
static void
plan_frames(struct xk_netif_receiver *receiver, uint32_t produced)
{
    struct xk_frame frame;

    for (unsigned i = 0;
         i < ROUND_FRAMES && receiver->batch_used < ROUND_BYTES &&
         next_frame(receiver, &frame);
         i++) {
        if (!xk_netif_multicast_passes(receiver->multicast, frame.bytes)) {
            receiver->waiting_since_ns = 0; /* it may be the one that waited */
            receiver->stats.filtered++;
            continue;
        }
        if (slots_of(&frame) > produced - receiver->ring.req_cons) {
            if (wait_for_pages(receiver, &frame))
                return;
            continue;
        }
        receiver->waiting_since_ns = 0;
        receiver->is_stalled = false;
        plan_frame(receiver, &frame);
    }
}

unsigned
xk_netif_receiver_run(struct xk_netif_receiver *receiver, uint32_t produced,
                      bool *owes_event)
{
    if (receiver->batch == NULL)
        return 0;
    receiver->copy_count = receiver->response_count = receiver->batch_used = 0;
    if (receiver->waiting.bytes != NULL && patience_left(receiver) <= 0)
        stall(receiver);
    plan_frames(receiver, produced);
    if (receiver->copy_count > 0) {
        receiver->stats.copy_calls++;
        (void)xk_guest_copy(receiver->guest, receiver->copies,
                            receiver->copy_count);
        *owes_event = answer(receiver);
    }
    if (receiver->waiting.bytes != NULL) {
        memmove(receiver->batch, receiver->waiting.bytes,
                receiver->waiting.length);
        receiver->waiting.bytes = receiver->batch;
    }
    return receiver->response_count;
}

/* Nothing is waited for of a port that is lost. */
static void
watch_port(struct xk_netif_receiver *receiver, short events,
           struct xk_loop_op *op, bool *is_watched)
{
    int fd = receiver->port->ops->fd(receiver->port, receiver->queue);
    struct io_uring_sqe *sqe;

    if (*is_watched || fd == -1)
        return;
    sqe = xk_loop_sqe(receiver->loop);
    io_uring_prep_poll_add(sqe, fd, (unsigned)events);
    xk_loop_start(receiver->loop, sqe, op);
    *is_watched = true;
}

/* The time is looked at every second: the frame that waits may be another
 * connection's by then. */
static void
start_timer(struct xk_netif_receiver *receiver)
{
    int64_t left;

    if (receiver->is_timing)
        return;
    left = patience_left(receiver);
    xk_loop_start_timer(receiver->loop,
                        left < LOOK_AGAIN_NS ? left : LOOK_AGAIN_NS,
                        &receiver->stall_delay, &receiver->stall_op);
    receiver->is_timing = true;
}

bool
xk_netif_receiver_arm(struct xk_netif_receiver *receiver)
{
    const struct xk_port_ops *ops = receiver->port->ops;

    if (receiver->batch == NULL)
        return false;
    if (ops->is_behind != NULL &&
        ops->is_behind(receiver->port, receiver->queue))
        watch_port(receiver, POLLOUT, &receiver->drain_op,
                   &receiver->is_draining);
    if (receiver->waiting.bytes != NULL) {
        start_timer(receiver);
        return xk_ring_ask_for(&receiver->ring, slots_of(&receiver->waiting));
    }
    watch_port(receiver, POLLIN, &receiver->port_op, &receiver->is_watching);
    return false;
}
