/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network frontend in plain memory and a queue of the backend that serves it.
 * It is honest by default, but a test can write anything to its rings.
 */
#ifndef XK_TESTS_FAKES_NETIF_GUEST_H
#define XK_TESTS_FAKES_NETIF_GUEST_H

#include <stdbool.h>

#include "backends/net/netif_abi.h"
#include "backends/net/netif_queue.h"
#include "backends/ring/memory_guest.h"
#include "tests/fakes/front_ring.h"
#include "tests/fakes/netif_entry.h"
#include "tests/fakes/worker_await.h"

enum {
    NETIF_GUEST_PAGES = 512,
    NETIF_GUEST_TX = 1, /* pages of the rings */
    NETIF_GUEST_RX = 2,
    NETIF_GUEST_DATA = 10, /* first page for data */
    NETIF_GUEST_WAIT_MS = 20000,
    NETIF_GUEST_KEPT = 512, /* the last frames that the port took */
};

struct netif_response {
    uint16_t id;
    int16_t status;
};

struct netif_guest {
    struct xk_memory *memory;
    struct xk_netif_ring_id id;
    struct front_ring tx, rx;
    int to_backend, to_guest;
};

/* Make a guest. The indexes of its rings begin at `first`. */
struct netif_guest *netif_guest_new(uint32_t first);
void netif_guest_free(struct netif_guest *guest);

void netif_guest_ring_bell(struct netif_guest *guest);
void netif_guest_put(struct netif_guest *guest, struct netif_entry entry);
void netif_guest_push(struct netif_guest *guest);
/* Wait for the next response. False if none comes in time. */
bool netif_guest_next(struct netif_guest *guest,
                      struct netif_response *response, int ms);

/* Offer page `gref` to receive into; the next push of these publishes it. */
void netif_guest_offer(struct netif_guest *guest, uint16_t id, uint32_t gref);
void netif_guest_push_offers(struct netif_guest *guest);

/* What came for the guest in one slot: data, or extra information. */
struct netif_received {
    uint16_t id, offset, flags;
    int16_t status;
    uint8_t bytes[XK_NETIF_RX_RESPONSE_BYTES]; /* the same, raw */
};
/* Wait for the next. False if none comes in time. */
bool netif_guest_receive(struct netif_guest *guest,
                         struct netif_received *received, int ms);

/* A frame that was sent to the port. */
struct netif_sent {
    uint32_t length, sum; /* sum of all bytes */
    bool checksum_missing, checksum_good;
    uint8_t segment_type;
    uint16_t segment_bytes;
    uint32_t ring_sum; /* of all entries of the transmit ring by then */
};

/* A card with one queue, which serves the guest. Its port has the given
 * features and keeps the frames sent to it. */
struct netif_backend {
    struct xk_netif_device device;
    struct xk_netif_multicast multicast;
    struct xk_worker *queue;
    struct netif_guest *guest;
    struct xk_port port;
    bool port_drops;
    _Atomic bool port_is_behind; /* until it is drained */
    _Atomic unsigned drained;
    int network[2]; /* frames for the guest: our end, the port's */
    unsigned sent_count;
    struct netif_sent sent[NETIF_GUEST_KEPT];
};

struct netif_backend *netif_backend_new(struct netif_guest *guest,
                                        struct xk_port_features features);
/* Have the port deliver a frame. Its bytes follow from the seed. */
void netif_backend_deliver(struct netif_backend *backend,
                           const struct xk_frame *frame, uint8_t seed);
uint8_t netif_frame_byte(uint8_t seed, uint32_t at);
void netif_backend_free(struct netif_backend *backend);
enum xk_worker_state netif_backend_wait(struct netif_backend *backend,
                                        enum xk_worker_state wanted);
/* IDLE -> RUNNING; returns the state that the queue reaches. */
enum xk_worker_state netif_backend_connect(struct netif_backend *backend,
                                           bool take_over);
/* Stop the queue, and check that it is IDLE with nothing mapped. */
void netif_backend_stop(struct netif_backend *backend);
struct xk_netif_stats netif_backend_stats(const struct netif_backend *backend);

#endif
