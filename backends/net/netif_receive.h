/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The half of a queue that brings frames from the port to the guest.
 *
 * How it works. The guest keeps empty pages in its receive ring. A round takes
 * frames from the port as long as there are pages for them, copies all of them
 * into the guest with one call, and answers in the order of the ring: as many
 * responses as a frame took pages, one more for its segments. A frame is shown
 * whole or not at all. The first frame that finds too few pages waits in our
 * memory for them, all others in the port, which bounds them. Rounds are short,
 * so that the guest works on the first frames while the next ones are fetched.
 *
 * A guest that leaves a frame waiting for too long is stalled: that frame is
 * dropped, and so is each that comes while there are too few pages for it, so
 * that nothing stale is delivered later. A frame that finds its pages ends
 * that.
 *
 * All functions are for the thread of the queue.
 */
#ifndef XK_BACKENDS_NET_NETIF_RECEIVE_H
#define XK_BACKENDS_NET_NETIF_RECEIVE_H

#include "backends/net/multicast.h"
#include "backends/net/netif_abi.h"
#include "backends/net/port/port.h"
#include "backends/ring/guest.h"
#include "backends/ring/shared_ring.h"
#include "backends/worker/loop.h"

struct xk_netif_receive_stats {
    uint64_t packets, bytes;
    uint64_t dropped;  /* the guest's pages could not be written, or it offered
                          none for too long */
    uint64_t stalls;   /* how often it offered none for too long */
    uint64_t filtered; /* multicast that the guest does not want */
    uint64_t copy_calls;
};

struct xk_netif_receiver {
    /* Set by the owner. */
    struct xk_guest *guest;
    struct xk_loop *loop;
    struct xk_port *port;
    const struct xk_netif_multicast *multicast;
    unsigned queue;
    unsigned patience_ms; /* how long a frame waits for pages */

    struct xk_shared_ring ring; /* mapped by the owner */
    struct xk_netif_receive_stats stats;

    /* The receiver's own. */
    uint8_t *batch; /* frames of a round, one after the other */
    uint32_t batch_used;
    struct xk_frame waiting;  /* in the batch; bytes NULL: none waits */
    int64_t waiting_since_ns; /* 0: the last frame had its pages */
    bool is_stalled;
    struct xk_loop_op stall_op;
    struct __kernel_timespec stall_delay;
    bool is_timing;
    struct xk_guest_copy copies[XK_NETIF_ENTRIES];
    unsigned copy_count;
    uint8_t responses[XK_NETIF_ENTRIES][XK_NETIF_RX_RESPONSE_BYTES];
    int copy_of[XK_NETIF_ENTRIES]; /* of each response; -1: extra information */
    bool is_last[XK_NETIF_ENTRIES];         /* of its frame */
    uint32_t frame_bytes[XK_NETIF_ENTRIES]; /* at the last response of each */
    unsigned response_count;
    struct xk_loop_op port_op, drain_op;
    bool is_watching, is_draining; /* the port's descriptor */
};

/* Make room for a round. */
void xk_netif_receiver_init(struct xk_netif_receiver *receiver);
void xk_netif_receiver_free(struct xk_netif_receiver *receiver);

/* The ring is not the guest's any more: drop what waits for it. */
void xk_netif_receiver_reset(struct xk_netif_receiver *receiver);

/* A round, with `produced` the index that the guest has produced up to, which
 * is not overrun. Returns how many pages of the guest were used; then sets
 * *owes_event to whether the guest asked for an event, which the owner sends.
 */
unsigned xk_netif_receiver_run(struct xk_netif_receiver *receiver,
                               uint32_t produced, bool *owes_event);

/* Before the thread sleeps: have the loop wake it for the next frame, or ask
 * the guest for an event once the frame that waits has pages. True: there is
 * work at once. */
bool xk_netif_receiver_arm(struct xk_netif_receiver *receiver);

#endif
