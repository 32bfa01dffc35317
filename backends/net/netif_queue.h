/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One queue of a network card: a worker (worker.h) that carries frames
 * between rings in the guest's memory and the port.
 *
 * How it works. A round takes all frames that are in the ring, copies them out
 * of the guest with one call, hands them to the port, then answers in the order
 * of the ring, and notifies the guest. Nothing stays in flight between two
 * rounds, so the ring itself tells what is undone: a process that takes over
 * goes on behind the last answer that was published, and repeats the frames of
 * a round at worst. An answer lies where its request lay, so answers are
 * written at once and published at once: a kill between the two would have the
 * next process read answers for requests.
 *
 * Frames for the guest go the other way in the same round: netif_receive.h.
 *
 * All functions are for the thread that made the queue.
 */
#ifndef XK_BACKENDS_NET_NETIF_QUEUE_H
#define XK_BACKENDS_NET_NETIF_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/net/multicast.h"
#include "backends/net/port/port.h"
#include "backends/net/rate.h"
#include "backends/ring/guest.h"
#include "backends/worker/worker.h"

/* Where the rings of a queue are. */
struct xk_netif_ring_id {
    uint32_t tx_gref, rx_gref;
    uint32_t tx_port;
    uint32_t rx_port; /* 0: one port for both rings */
};

/* What all queues of a card share; outlives them. */
struct xk_netif_device {
    struct xk_port *port;
    struct xk_netif_rate *rate; /* of what the guest sends; NULL: no limit */
    struct xk_netif_multicast *multicast;
    const uint8_t *only_mac; /* that a frame may come from; NULL: any */
    unsigned patience_ms;    /* with a guest that offers no pages */
    unsigned poll_us;        /* worker.h */
    int changed_fd;          /* eventfd: a queue's state changed */
};

struct xk_netif_stats {
    uint64_t tx_packets, tx_bytes;
    uint64_t tx_dropped; /* good frames that the port did not take */
    uint64_t tx_delays;  /* a frame had to wait for the rate */
    uint64_t tx_spoofed; /* frames from another card's address, dropped */
    uint64_t rx_packets, rx_bytes, rx_dropped;
    uint64_t rx_stalls;   /* the guest offered no pages for too long */
    uint64_t rx_filtered; /* multicast frames that the guest does not want */
    uint64_t errors;      /* frames that were refused */
    uint64_t rx_requests; /* requests to receive, in the ring */
    uint64_t events, empty_events, notifies, copy_calls, rounds;
};

/* Takes the guest. Starts the thread, whose state becomes IDLE or FAILED. What
 * is not here is done by xk_worker_*(); xk_worker_free() ends the queue. */
struct xk_worker *xk_netif_queue_new(struct xk_netif_device *device,
                                     struct xk_guest *guest, unsigned number,
                                     struct xk_error *err);

/* As xk_worker_connect(). */
void xk_netif_queue_connect(struct xk_worker *worker,
                            const struct xk_netif_ring_id *id, bool take_over);

void xk_netif_queue_stats(const struct xk_worker *worker,
                          struct xk_netif_stats *stats);

#endif
