/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An Ethernet frame on its way between a guest and a port: what is left to do
 * to it, where its headers are, and its checksums. The frame lies in private
 * memory, whole and in one piece. Every byte of it is hostile: no length in it
 * is believed.
 *
 * Source: RFC 791, 8200, 9293, 768 (headers), 1071 (checksum); IEEE 802.1Q.
 */
#ifndef XK_BACKENDS_NET_PORT_FRAME_H
#define XK_BACKENDS_NET_PORT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    XK_FRAME_ETHERNET_BYTES = 14,
    XK_FRAME_BYTES_MAX = 65535, /* of any frame, with its Ethernet header */
    XK_FRAME_TAGS_MAX = 2,      /* VLAN tags that are looked past */
};

/* The packet that a frame is to be divided into, as struct netif_extra_info has
 * it. */
enum xk_frame_segments {
    XK_FRAME_WHOLE = 0,
    XK_FRAME_TCP4 = 1,
    XK_FRAME_TCP6 = 2,
};

/* A frame whose form was checked; its bytes are the guest's. */
struct xk_frame {
    uint8_t *bytes;
    uint32_t length;        /* 14 to 65535 */
    bool checksum_missing;  /* of TCP or UDP: the field has only its seed */
    bool checksum_good;     /* the sender vouches for it */
    uint8_t segment_type;   /* enum xk_frame_segments */
    uint16_t segment_bytes; /* of data in each; not 0 if there are segments */
};

/* Offsets from the start of the frame. */
struct xk_frame_headers {
    bool is_v6;
    uint8_t protocol;   /* IPPROTO_TCP or IPPROTO_UDP */
    uint16_t network;   /* of the IP header */
    uint16_t transport; /* of the TCP or UDP header */
    uint16_t checksum;  /* of the checksum field in that header */
    uint16_t payload;   /* behind all headers */
    uint32_t end;       /* of the IP packet: what follows is padding */
};

/* Find the TCP or UDP header of an IP packet that is not a fragment. NULL, or
 * why there is none. */
const char *xk_frame_find_headers(const uint8_t *frame, size_t length,
                                  struct xk_frame_headers *headers);

/* Write the checksum of the pseudo-header, not complemented, into the checksum
 * field: what Linux expects there while a checksum is open, also of a packet
 * that is to be divided. */
void xk_frame_seed_checksum(uint8_t *frame,
                            const struct xk_frame_headers *headers);

/* Compute the TCP or UDP checksum and write it. */
void xk_frame_write_checksum(uint8_t *frame,
                             const struct xk_frame_headers *headers);

#endif
