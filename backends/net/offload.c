/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/offload.h"

#include <netinet/in.h>

/* The packet is of the kind that its GSO type says, and has a payload. */
static const char *
check_gso(const struct xk_net_offload *offload,
          const struct xk_frame_headers *headers)
{
    bool is_v6 = offload->gso == XK_NET_GSO_TCPV6;

    if (offload->gso != XK_NET_GSO_TCPV4 && offload->gso != XK_NET_GSO_TCPV6)
        return "the kind of segmentation is unknown";
    if (headers->protocol != IPPROTO_TCP || headers->is_v6 != is_v6)
        return "the packet is not what its kind of segmentation says";
    if (offload->gso_size == 0)
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
put_gso(const struct xk_net_offload *offload, uint8_t *frame,
        const struct xk_frame_headers *headers, struct virtio_net_hdr *header)
{
    const char *reason = check_gso(offload, headers);

    if (reason != NULL)
        return reason;
    if (!offload->csum_blank)
        xk_frame_seed_checksum(frame, headers);
    header->gso_type = offload->gso == XK_NET_GSO_TCPV4
                           ? VIRTIO_NET_HDR_GSO_TCPV4
                           : VIRTIO_NET_HDR_GSO_TCPV6;
    header->gso_size = offload->gso_size;
    header->hdr_len = headers->payload;
    return NULL;
}

const char *
xk_net_offload_to_tap(const struct xk_net_offload *offload, uint8_t *frame,
                      size_t length, struct virtio_net_hdr *header)
{
    struct xk_frame_headers headers;
    const char *reason;

    *header = (struct virtio_net_hdr){0};
    if (!offload->csum_blank && offload->gso == XK_NET_GSO_NONE) {
        if (offload->data_validated)
            header->flags = VIRTIO_NET_HDR_F_DATA_VALID;
        return NULL;
    }
    reason = xk_frame_find_headers(frame, length, &headers);
    if (reason != NULL)
        return reason;
    put_checksum(&headers, header);
    return offload->gso == XK_NET_GSO_NONE
               ? NULL
               : put_gso(offload, frame, &headers, header);
}

const char *
xk_net_offload_from_tap(const struct virtio_net_hdr *header,
                        struct xk_net_offload *offload)
{
    *offload = (struct xk_net_offload){
        .csum_blank = (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0,
        .data_validated = header->flags != 0,
    };
    /* netif has no word for ECN: its frontends keep CWR in the first segment
     * only, as they do for what they send. */
    switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE:
        return NULL;
    case VIRTIO_NET_HDR_GSO_TCPV4:
        offload->gso = XK_NET_GSO_TCPV4;
        break;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        offload->gso = XK_NET_GSO_TCPV6;
        break;
    default:
        return "the kind of segmentation is unknown";
    }
    offload->gso_size = header->gso_size;
    return header->gso_size > 0 ? NULL : "the segments have no size";
}

const char *
xk_net_offload_finish(const struct xk_net_offload *offload, uint8_t *frame,
                      size_t length)
{
    struct xk_frame_headers headers;
    const char *reason;

    if (offload->gso != XK_NET_GSO_NONE)
        return "the port does not divide packets";
    if (!offload->csum_blank)
        return NULL;
    reason = xk_frame_find_headers(frame, length, &headers);
    if (reason != NULL)
        return reason;
    xk_frame_write_checksum(frame, &headers);
    return NULL;
}
