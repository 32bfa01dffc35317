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
#ifndef XK_BACKENDS_NET_PORT_OFFLOAD_H
#define XK_BACKENDS_NET_PORT_OFFLOAD_H

#include <linux/virtio_net.h>

#include "backends/net/port/frame.h"

/* A frame that a guest sent, for a TAP. Changes its checksum field where the
 * kernel demands that. NULL, or why the frame is to be dropped: *header is then
 * of no use. */
const char *xk_offload_to_tap(const struct xk_frame *frame,
                              struct virtio_net_hdr *header);

/* What a TAP says of a frame for a guest: sets all of *frame but its bytes.
 * NULL, or why it is to be dropped: a kind of segmentation that netif does not
 * have. */
const char *xk_offload_from_tap(const struct virtio_net_hdr *header,
                                struct xk_frame *frame);

/* For a port that takes whole frames only: compute the checksum that is
 * missing. NULL, or why the frame is to be dropped. */
const char *xk_offload_finish(const struct xk_frame *frame);

#endif
