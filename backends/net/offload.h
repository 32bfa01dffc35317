/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is left to do to a frame (a checksum, a division into segments), as
 * netif says it and as a TAP does.
 *
 * Both leave the same seed in the checksum field, so a frame passes without a
 * change but for one case: netif allows a segmented packet whose checksum is
 * not left open, and the kernel does not.
 *
 * Source: xen/include/public/io/netif.h ("checksum and segmentation offload");
 * linux/virtio_net.h and Documentation/networking/tuntap.rst.
 */
#ifndef XK_BACKENDS_NET_OFFLOAD_H
#define XK_BACKENDS_NET_OFFLOAD_H

#include <linux/virtio_net.h>

#include "backends/net/frame.h"

enum xk_net_gso {
    XK_NET_GSO_NONE = 0,
    XK_NET_GSO_TCPV4 = 1, /* as in struct netif_extra_info */
    XK_NET_GSO_TCPV6 = 2,
};

struct xk_net_offload {
    bool csum_blank;     /* the checksum field has only its seed */
    bool data_validated; /* the checksum needs no look */
    enum xk_net_gso gso;
    uint16_t gso_size; /* bytes of payload in each segment */
};

/* A frame that a guest sent, for a TAP. Changes its checksum field where the
 * kernel demands that. NULL, or why the frame is to be dropped: *header is then
 * of no use. */
const char *xk_net_offload_to_tap(const struct xk_net_offload *offload,
                                  uint8_t *frame, size_t length,
                                  struct virtio_net_hdr *header);

/* A frame from a TAP, for a guest. NULL, or why it is to be dropped: a kind of
 * segmentation that netif does not have. */
const char *xk_net_offload_from_tap(const struct virtio_net_hdr *header,
                                    struct xk_net_offload *offload);

/* For a port that takes whole frames only: compute what was left open. NULL, or
 * why the frame is to be dropped. */
const char *xk_net_offload_finish(const struct xk_net_offload *offload,
                                  uint8_t *frame, size_t length);

#endif
