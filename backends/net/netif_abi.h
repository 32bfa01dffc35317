/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netif as it lies in memory that a guest can write: the entries of its rings,
 * decoded from private copies, and the form of a frame in them. Nothing here
 * reads guest memory; ring/shared_ring.h does, once, into private memory.
 *
 * Source: xen/include/public/io/netif.h. The layout is the same for guests of
 * 32 and of 64 bits.
 */
#ifndef XK_BACKENDS_NET_NETIF_ABI_H
#define XK_BACKENDS_NET_NETIF_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    XK_NETIF_PAGE_BYTES = 4096,
    XK_NETIF_TX_BYTES = 12, /* of an entry */
    XK_NETIF_RX_BYTES = 8,
    XK_NETIF_TX_RESPONSE_BYTES = 4,
    XK_NETIF_RX_RESPONSE_BYTES = 8,
    XK_NETIF_ENTRIES = 256, /* of either ring */
    XK_NETIF_FRAME_MIN = 14,
};

/* Flags of a request to send. */
enum {
    XK_NETIF_TX_CHECKSUM_MISSING = 1,
    XK_NETIF_TX_CHECKSUM_GOOD = 2,
    XK_NETIF_TX_MORE_DATA = 4,
    XK_NETIF_TX_EXTRA = 8,
};

enum {
    XK_NETIF_EXTRA_NONE = 0,
    XK_NETIF_EXTRA_GSO = 1,
    XK_NETIF_EXTRA_MCAST_ADD = 2,
    XK_NETIF_EXTRA_MCAST_DEL = 3,
    XK_NETIF_EXTRA_HASH = 4,
    XK_NETIF_EXTRA_TYPES = 5,
    XK_NETIF_EXTRA_MORE = 1, /* flag: another one follows */
};

enum {
    XK_NETIF_GSO_NONE = 0,
    XK_NETIF_GSO_TCP4 = 1,
    XK_NETIF_GSO_TCP6 = 2,
};

/* Flags of a response to a request to receive; not those of a request to send.
 */
enum {
    XK_NETIF_RX_CHECKSUM_GOOD = 1,
    XK_NETIF_RX_CHECKSUM_MISSING = 2,
    XK_NETIF_RX_MORE_DATA = 4,
    XK_NETIF_RX_EXTRA = 8,
};

/* The status of a response; to a request to receive, how many bytes it got. */
enum {
    XK_NETIF_DROPPED = -2,
    XK_NETIF_ERROR = -1,
    XK_NETIF_OKAY = 0,
    XK_NETIF_NULL = 1, /* of a slot that held extra information */
};

/* A request to send, or a further slot of one. */
struct xk_netif_tx {
    uint32_t gref;
    uint16_t offset, flags, id;
    uint16_t size; /* of the first slot: of the whole frame */
};

struct xk_netif_extra {
    uint8_t type, flags;
    union {
        struct {
            uint16_t size;
            uint8_t type;
        } gso;
        uint8_t address[6]; /* of a change of the multicast list */
    };
};

/* One entry of the ring, as it was copied. */
struct xk_netif_tx xk_netif_decode_tx(const uint32_t words[3]);
struct xk_netif_extra xk_netif_decode_extra(const uint32_t words[3]);
void xk_netif_encode_response(uint16_t id, int16_t status,
                              uint8_t entry[XK_NETIF_TX_RESPONSE_BYTES]);

/* A page that the frontend offers to receive into. */
struct xk_netif_rx {
    uint32_t gref;
    uint16_t id;
};

/* A response to such a request, from the page's start. */
struct xk_netif_rx_response {
    uint16_t id, flags;
    int16_t status;
};

struct xk_netif_rx xk_netif_decode_rx(const uint32_t words[2]);
void xk_netif_encode_rx(const struct xk_netif_rx_response *response,
                        uint8_t entry[XK_NETIF_RX_RESPONSE_BYTES]);
/* Extra information instead of a response: the frame is one of segments. */
void xk_netif_encode_gso(uint8_t type, uint16_t size,
                         uint8_t entry[XK_NETIF_RX_RESPONSE_BYTES]);

/* ---- frames ---- */

enum {
    /* As many slots with data as a frontend may use for a frame
     * (XEN_NETIF_NR_SLOTS_MIN). */
    XK_NETIF_SLOTS_MAX = 18,
    /* A frame of more than the above and no more than this is dropped, because
     * frontends have made such frames by mistake. One of more is a lie. */
    XK_NETIF_SLOTS_READ = 21,
    /* One of each type. */
    XK_NETIF_EXTRAS_MAX = 4,
};

/* Part of a frame, in one page of the guest. size may be 0. */
struct xk_netif_part {
    uint32_t gref;
    uint16_t offset, size;
};

/* A frame as its slots tell it, or a message that has no data. */
struct xk_netif_frame {
    uint32_t slots;  /* that it takes in the ring */
    uint32_t extras; /* of these; they follow the first slot */
    uint16_t flags;  /* of the first slot */
    uint16_t ids[XK_NETIF_SLOTS_READ]; /* of the slots with data, in order */
    int16_t status;      /* XK_NETIF_OKAY, or XK_NETIF_ERROR: it is not sent */
    uint32_t length;     /* of all parts */
    uint32_t part_count; /* 0 unless the status is XK_NETIF_OKAY */
    struct xk_netif_part parts[XK_NETIF_SLOTS_MAX];
    uint8_t gso_type;
    uint16_t gso_size;
    /* Instead of data: XK_NETIF_EXTRA_MCAST_ADD or _DEL, or 0, and the address.
     */
    uint8_t list_change;
    uint8_t address[6];
};

/* Reads entry `index`, counted from the frame's first. */
typedef void xk_netif_read(void *context, uint32_t index, uint32_t words[3]);

/* Parse the frame that begins in the first of `available` entries (at least 1).
 * NULL: *frame is one. Otherwise a lie that no frontend tells by mistake, as a
 * clause; nothing of the ring is to be believed then. gso: the types of
 * segments that are offered, as bits. */
const char *xk_netif_parse(xk_netif_read *read, void *context,
                           uint32_t available, unsigned gso,
                           struct xk_netif_frame *frame);

#endif
