/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An Ethernet frame that a guest has sent: where its headers are, and its
 * checksums. The frame lies in private memory, whole and in one piece. Every
 * byte of it is hostile: no length in it is believed.
 *
 * Source: RFC 791, 8200, 9293, 768 (headers), 1071 (checksum); IEEE 802.1Q.
 */
#ifndef XK_BACKENDS_NET_FRAME_H
#define XK_BACKENDS_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    XK_FRAME_ETHERNET_BYTES = 14,
    XK_FRAME_BYTES_MAX = 65535, /* of any frame, with its Ethernet header */
    XK_FRAME_TAGS_MAX = 2,      /* VLAN tags that are looked past */
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
