/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a hostile guest says of a frame, and the frame; or what a TAP says of
 * one. Bytes 0 to 3 are flags, the type of segments and their size, and the
 * rest is the frame, in memory of its very length. Every offset that is handed
 * on must lie within the frame.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/port/offload.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum {
    HEAD_BYTES = 4,
    MISSING = 1,
    GOOD = 2,
};

static void
check_headers(const struct xk_frame *frame)
{
    struct xk_frame_headers headers;

    if (xk_frame_find_headers(frame->bytes, frame->length, &headers) != NULL)
        return;
    must_hold(headers.network >= XK_FRAME_ETHERNET_BYTES);
    must_hold(headers.network < headers.transport);
    must_hold(headers.transport < headers.checksum);
    must_hold(headers.checksum + 2u <= headers.payload);
    must_hold(headers.payload <= headers.end && headers.end <= frame->length);
    xk_frame_seed_checksum(frame->bytes, &headers);
    xk_frame_write_checksum(frame->bytes, &headers);
}

/* As the kernel demands it of a TAP. */
static void
check_to_tap(const struct xk_frame *frame)
{
    struct virtio_net_hdr header;

    if (xk_offload_to_tap(frame, &header) != NULL)
        return;
    if (header.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM)
        must_hold(header.csum_start + header.csum_offset + 2u <= frame->length);
    must_hold(header.hdr_len <= frame->length);
    if (frame->segment_type != XK_FRAME_WHOLE) {
        must_hold(header.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM);
        must_hold(header.gso_type != VIRTIO_NET_HDR_GSO_NONE);
        must_hold(header.gso_size > 0 && header.hdr_len > header.csum_start);
    }
}

static void
check_from_tap(const uint8_t *data, size_t length)
{
    struct virtio_net_hdr header = {0};
    struct xk_frame frame = {.bytes = NULL};

    memcpy(&header, data, length < sizeof(header) ? length : sizeof(header));
    if (xk_offload_from_tap(&header, &frame) != NULL)
        return;
    must_hold(frame.segment_type <= XK_FRAME_TCP6);
    must_hold((frame.segment_type == XK_FRAME_WHOLE) ==
              (frame.segment_bytes == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct xk_frame frame = {0};

    check_from_tap(data, length);
    if (length < HEAD_BYTES + XK_FRAME_ETHERNET_BYTES ||
        length > HEAD_BYTES + XK_FRAME_BYTES_MAX)
        return 0;
    frame.length = (uint32_t)(length - HEAD_BYTES);
    frame.checksum_missing = (data[0] & MISSING) != 0;
    frame.checksum_good = (data[0] & GOOD) != 0;
    frame.segment_type = data[1];
    memcpy(&frame.segment_bytes, data + 2, sizeof(frame.segment_bytes));
    frame.bytes = (uint8_t *)malloc(frame.length);
    must_hold(frame.bytes != NULL);
    memcpy(frame.bytes, data + HEAD_BYTES, frame.length);
    check_to_tap(&frame);
    (void)xk_offload_finish(&frame);
    check_headers(&frame);
    free(frame.bytes);
    return 0;
}
