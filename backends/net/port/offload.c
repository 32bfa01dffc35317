/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/port/offload.h"

#include <netinet/in.h>

/* The packet is of the kind that its segments are, and has a payload. */
static const char *
check_segments(const struct xk_frame *frame,
               const struct xk_frame_headers *headers)
{
    bool is_v6 = frame->segment_type == XK_FRAME_TCP6;

    if (frame->segment_type != XK_FRAME_TCP4 && !is_v6)
        return "the kind of segments is unknown";
    if (headers->protocol != IPPROTO_TCP || headers->is_v6 != is_v6)
        return "the packet is not what its segments are";
    if (frame->segment_bytes == 0)
        return "the segments have no size";
    if (headers->payload >= headers->end)
        return "the packet has no payload to divide";
    return NULL;
}

static void
put_checksum(const struct xk_frame_headers *headers,
             struct virtio_net_hdr *header)
{
    header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header->csum_start = headers->transport;
    header->csum_offset = (uint16_t)(headers->checksum - headers->transport);
}

static const char *
put_segments(const struct xk_frame *frame,
             const struct xk_frame_headers *headers,
             struct virtio_net_hdr *header)
{
    const char *reason = check_segments(frame, headers);

    if (reason != NULL)
        return reason;
    if (!frame->checksum_missing)
        xk_frame_seed_checksum(frame->bytes, headers);
    header->gso_type = frame->segment_type == XK_FRAME_TCP4
                           ? VIRTIO_NET_HDR_GSO_TCPV4
                           : VIRTIO_NET_HDR_GSO_TCPV6;
    header->gso_size = frame->segment_bytes;
    header->hdr_len = headers->payload;
    return NULL;
}

const char *
xk_offload_to_tap(const struct xk_frame *frame, struct virtio_net_hdr *header)
{
    struct xk_frame_headers headers;
    const char *reason;

    *header = (struct virtio_net_hdr){0};
    if (!frame->checksum_missing && frame->segment_type == XK_FRAME_WHOLE) {
        if (frame->checksum_good)
            header->flags = VIRTIO_NET_HDR_F_DATA_VALID;
        return NULL;
    }
    reason = xk_frame_find_headers(frame->bytes, frame->length, &headers);
    if (reason != NULL)
        return reason;
    put_checksum(&headers, header);
    return frame->segment_type == XK_FRAME_WHOLE
               ? NULL
               : put_segments(frame, &headers, header);
}

const char *
xk_offload_from_tap(const struct virtio_net_hdr *header, struct xk_frame *frame)
{
    frame->checksum_missing =
        (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
    frame->checksum_good = header->flags != 0;
    frame->segment_type = XK_FRAME_WHOLE;
    frame->segment_bytes = 0;
    /* netif has no word for ECN: its frontends keep CWR in the first segment
     * only, as they do for what they send. */
    switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE:
        return NULL;
    case VIRTIO_NET_HDR_GSO_TCPV4:
        frame->segment_type = XK_FRAME_TCP4;
        break;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        frame->segment_type = XK_FRAME_TCP6;
        break;
    default:
        return "the kind of segments is unknown";
    }
    frame->segment_bytes = header->gso_size;
    return header->gso_size > 0 ? NULL : "the segments have no size";
}

const char *
xk_offload_finish(const struct xk_frame *frame)
{
    struct xk_frame_headers headers;
    const char *reason;

    if (frame->segment_type != XK_FRAME_WHOLE)
        return "the port does not divide packets";
    if (!frame->checksum_missing)
        return NULL;
    reason = xk_frame_find_headers(frame->bytes, frame->length, &headers);
    if (reason != NULL)
        return reason;
    xk_frame_write_checksum(frame->bytes, &headers);
    return NULL;
}
