/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/blkif_request.h"

#include <stddef.h>
#include <string.h>

static uint16_t
get16(const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint32_t
get32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t
get64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static void
decode_segments(struct xk_blkif_request *request, unsigned from, unsigned count,
                const uint8_t *at)
{
    for (unsigned i = from; i < from + count; i++) {
        request->segments[i] = (struct xk_blkif_segment){
            .gref = get32(at), .first = at[4], .last = at[5]};
        at += XK_BLKIF_SEGMENT_BYTES;
    }
}

static int
decode_direct(const struct xk_blkif_layout *layout, const uint8_t *entry,
              struct xk_blkif_request *request)
{
    request->segment_count = entry[XK_BLKIF_AT_SEGMENT_COUNT];
    if (request->segment_count > XK_BLKIF_DIRECT_SEGMENTS)
        return XK_BLKIF_ERROR;
    if (request->segment_count == 0 && request->operation != XK_BLKIF_OP_FLUSH)
        return XK_BLKIF_ERROR;
    decode_segments(request, 0, request->segment_count,
                    entry + layout->segments);
    return XK_BLKIF_OK;
}

/* The flag for a secure discard is ignored, as the header demands of a backend
 * that does not offer it. */
static int
decode_discard(const struct xk_blkif_layout *layout, const uint8_t *entry,
               struct xk_blkif_request *request)
{
    request->sectors = get64(entry + layout->discard_sectors);
    return XK_BLKIF_OK;
}

/* Only reads and writes can be indirect. The frontend expects the inner
 * operation in the response. */
static int
decode_indirect(const struct xk_blkif_layout *layout, const uint8_t *entry,
                struct xk_blkif_request *request)
{
    request->operation = entry[XK_BLKIF_AT_INDIRECT_OPERATION];
    if (request->operation != XK_BLKIF_OP_READ &&
        request->operation != XK_BLKIF_OP_WRITE)
        return XK_BLKIF_NOT_SUPPORTED;
    request->segment_count = get16(entry + XK_BLKIF_AT_INDIRECT_COUNT);
    if (request->segment_count == 0 ||
        request->segment_count > XK_BLKIF_MAX_SEGMENTS)
        return XK_BLKIF_ERROR;
    request->indirect = true;
    for (unsigned i = 0; i < xk_blkif_indirect_pages(request); i++)
        request->indirect_grefs[i] =
            get32(entry + layout->indirect_grefs + i * sizeof(uint32_t));
    return XK_BLKIF_OK;
}

/* By operation. An operation without a row is not supported; that includes
 * barriers, which are not advertised. */
static int (*const decoders[])(const struct xk_blkif_layout *,
                               const uint8_t *entry,
                               struct xk_blkif_request *) = {
    [XK_BLKIF_OP_READ] = decode_direct,
    [XK_BLKIF_OP_WRITE] = decode_direct,
    [XK_BLKIF_OP_FLUSH] = decode_direct,
    [XK_BLKIF_OP_DISCARD] = decode_discard,
    [XK_BLKIF_OP_INDIRECT] = decode_indirect,
};

int
xk_blkif_decode(enum xk_blkif_abi abi, const void *entry,
                struct xk_blkif_request *request)
{
    const struct xk_blkif_layout *layout = xk_blkif_layout(abi);
    const uint8_t *bytes = (const uint8_t *)entry;
    uint8_t operation = bytes[XK_BLKIF_AT_OPERATION];
    int status;

    memset(request, 0, offsetof(struct xk_blkif_request, segments));
    request->operation = operation;
    request->id = get64(bytes + layout->id);
    request->sector = get64(bytes + layout->sector);
    if (operation >= sizeof(decoders) / sizeof(decoders[0]) ||
        decoders[operation] == NULL)
        return XK_BLKIF_NOT_SUPPORTED;
    status = decoders[operation](layout, bytes, request);
    if (status != XK_BLKIF_OK)
        request->segment_count = 0;
    return status;
}

unsigned
xk_blkif_indirect_pages(const struct xk_blkif_request *request)
{
    if (!request->indirect)
        return 0;
    return (request->segment_count + XK_BLKIF_INDIRECT_PER_PAGE - 1u) /
           XK_BLKIF_INDIRECT_PER_PAGE;
}

void
xk_blkif_decode_indirect(struct xk_blkif_request *request, unsigned number,
                         const void *page)
{
    unsigned from = number * XK_BLKIF_INDIRECT_PER_PAGE;
    unsigned count = request->segment_count - from;

    if (from >= request->segment_count)
        return;
    if (count > XK_BLKIF_INDIRECT_PER_PAGE)
        count = XK_BLKIF_INDIRECT_PER_PAGE;
    decode_segments(request, from, count, (const uint8_t *)page);
}

/* Check that each segment is whole logical blocks within one page, and add up
 * their sectors. */
static int
check_segments(struct xk_blkif_request *request, uint32_t logical_sectors)
{
    uint64_t sectors = 0;

    for (unsigned i = 0; i < request->segment_count; i++) {
        const struct xk_blkif_segment *segment = &request->segments[i];
        uint32_t length;

        if (segment->last >= XK_BLKIF_PAGE_SECTORS ||
            segment->first > segment->last)
            return XK_BLKIF_ERROR;
        length = segment->last - segment->first + 1u;
        if (segment->first % logical_sectors != 0 ||
            length % logical_sectors != 0)
            return XK_BLKIF_ERROR;
        sectors += length;
    }
    request->sectors = sectors;
    return XK_BLKIF_OK;
}

static int
check_range(const struct xk_blkif_request *request,
            const struct xk_blkif_limits *limits)
{
    if (request->sector > limits->sectors ||
        request->sectors > limits->sectors - request->sector)
        return XK_BLKIF_ERROR;
    if (request->sector % limits->logical_sectors != 0)
        return XK_BLKIF_ERROR;
    return XK_BLKIF_OK;
}

/* A discard is a hint: it need not be aligned, but must lie within the disk. */
static int
check_discard(const struct xk_blkif_request *request,
              const struct xk_blkif_limits *limits)
{
    if (!limits->discard)
        return XK_BLKIF_NOT_SUPPORTED;
    if (limits->read_only || request->sector > limits->sectors ||
        request->sectors > limits->sectors - request->sector)
        return XK_BLKIF_ERROR;
    return XK_BLKIF_OK;
}

int
xk_blkif_check(struct xk_blkif_request *request,
               const struct xk_blkif_limits *limits)
{
    if (request->operation == XK_BLKIF_OP_DISCARD)
        return check_discard(request, limits);
    if (check_segments(request, limits->logical_sectors) != XK_BLKIF_OK)
        return XK_BLKIF_ERROR;
    if (request->segment_count == 0)
        return XK_BLKIF_OK; /* a flush without data: ignore its sector */
    if (limits->read_only && request->operation != XK_BLKIF_OP_READ)
        return XK_BLKIF_ERROR;
    return check_range(request, limits);
}

void
xk_blkif_encode_response(enum xk_blkif_abi abi, uint64_t id, uint8_t operation,
                         int16_t status,
                         uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX])
{
    (void)abi; /* the fields' places are the same in all layouts */
    memset(entry, 0, XK_BLKIF_ENTRY_BYTES_MAX);
    memcpy(entry + XK_BLKIF_AT_RESPONSE_ID, &id, sizeof(id));
    entry[XK_BLKIF_AT_RESPONSE_OPERATION] = operation;
    memcpy(entry + XK_BLKIF_AT_RESPONSE_STATUS, &status, sizeof(status));
}
