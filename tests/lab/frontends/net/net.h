/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network frontend of domain 0. Each of its queues has two rings: that of
 * frames to send, with the event channel, and that of frames to receive.
 */
#ifndef XK_TESTS_LAB_FRONTENDS_NET_NET_H
#define XK_TESTS_LAB_FRONTENDS_NET_NET_H

#include "backends/net/netif_abi.h"
#include "tests/fakes/netif_entry.h"
#include "tests/lab/frontends/common/cases.h"

enum {
    NET_QUIET_MS = 100, /* for what must not come */
};

struct net_options {
    unsigned queues;  /* of the frontend; 0: 1 */
    bool is_filtered; /* it asks for multicast of its list only */
    bool is_mute;     /* it does not tell of pages that it offers */
    bool on_bridge;   /* on "xkwire": frames can be delivered */
    bool is_split;    /* a port for each ring */
    bool is_plain;    /* it takes whole frames with their checksums only */
    const char *more; /* members of device.json; NULL: none */
    unsigned max;     /* queues of the card; 0: 4 */
};

struct net_card {
    struct net_options options;
    int wire; /* packet socket; -1: not opened */
};

static inline struct net_card *
net_card_of(const struct loop_device *device)
{
    return (struct net_card *)device->own;
}

static inline unsigned
net_tx(unsigned queue)
{
    return 2 * queue;
}

static inline unsigned
net_rx(unsigned queue)
{
    return 2 * queue + 1;
}

/* The card begins again, and is served. */
void net_must_recover(struct loop_device *device);

void net_make_rings(struct loop_device *device);
void net_write_rings(struct loop_device *device);

/* A slot over data page `page`. */
void net_put(struct loop_device *device, unsigned queue, uint16_t id,
             unsigned page, uint16_t offset, uint16_t size, uint16_t flags);
void net_put_entry(struct loop_device *device, unsigned queue,
                   struct netif_entry entry);
void net_push(struct loop_device *device, unsigned queue);
/* The next response is that one. */
void net_must_answer(struct loop_device *device, unsigned queue, uint16_t id,
                     int16_t status);
/* Change the multicast list, which is answered with that status. */
void net_change_list(struct loop_device *device, uint8_t type,
                     const uint8_t address[6], int16_t status);
/* A member of the backend's status. */
int64_t net_count(struct loop_device *device, const char *name);
/* It grows to that number. */
void net_await_count(struct loop_device *device, const char *name,
                     int64_t count);

/* ---- frames to receive (wire.c), of a card on the bridge ---- */

struct net_frame {
    uint32_t length;
    bool checksum_missing;
    uint8_t segment_type; /* XK_NETIF_GSO_* */
    uint16_t segment_bytes, header_bytes, transport;
    uint8_t bytes[65536];
};

/* Its bytes follow from the seed. */
void net_make_frame(struct loop_device *device, struct net_frame *frame,
                    uint32_t length, uint8_t seed);
/* TCP without a checksum. segment_bytes 0: it is not to be divided. */
void net_make_tcp(struct loop_device *device, struct net_frame *frame,
                  uint32_t length, uint8_t segment_type,
                  uint16_t segment_bytes);

/* The name of the card's TAP. */
void net_wire_name(const struct loop_device *device, char *name, size_t size);
/* The network sends the frame to the card. */
void net_deliver(struct loop_device *device, const struct net_frame *frame);
/* False: the TAP's queue is full. */
bool net_try_deliver(struct loop_device *device, const struct net_frame *frame);
/* The TAP is another one from now on, or is gone. */
void net_cut_wire(struct loop_device *device);

/* Offer data pages `first` and up, whose ids are their numbers. */
void net_offer(struct loop_device *device, unsigned queue, uint16_t first,
               unsigned count);
/* Offer a page; the next push publishes it. */
void net_offer_gref(struct loop_device *device, unsigned queue, uint16_t id,
                    uint32_t gref);
void net_push_offers(struct loop_device *device, unsigned queue);

struct net_received {
    uint16_t id, offset, flags;
    int16_t status;
    uint8_t bytes[XK_NETIF_RX_RESPONSE_BYTES]; /* the same, raw */
};
/* The next response of the receive ring. */
struct net_received net_receive(struct loop_device *device, unsigned queue);
void net_must_be_quiet(struct loop_device *device, unsigned queue);
/* The next response is that of page `id`, which has the frame's bytes from `at`
 * on and nothing else. */
void net_must_receive(struct loop_device *device, unsigned queue, uint16_t id,
                      uint16_t flags, const struct net_frame *frame,
                      uint32_t at);
/* The next responses are the frame, from page `id` on, with nothing left to do
 * to it. */
void net_must_receive_whole(struct loop_device *device, unsigned queue,
                            uint16_t id, const struct net_frame *frame);

extern const struct loop_case net_conformance_cases[];
extern const size_t net_conformance_count;
extern const struct loop_case net_receive_cases[];
extern const size_t net_receive_count;
extern const struct loop_case net_hostile_cases[];
extern const size_t net_hostile_count;
extern const struct loop_case net_hostile_device_cases[];
extern const size_t net_hostile_device_count;
extern const struct loop_case net_hostile_receive_cases[];
extern const size_t net_hostile_receive_count;
extern const struct loop_case net_kill_cases[];
extern const size_t net_kill_count;

#endif
