/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ring entries and descriptor pages of a hostile frontend. Input: a byte with
 * the layout and the kind of device, an entry, the content of the first
 * descriptor page. A request that passes the checks must lie inside the device.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/block/blkif_request.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void
check_good(const struct xk_blkif_request *request,
           const struct xk_blkif_limits *limits)
{
    uint64_t sectors = 0;

    must_hold(request->segment_count <= XK_BLKIF_MAX_SEGMENTS);
    if (request->operation == XK_BLKIF_OP_DISCARD || request->segment_count > 0)
        must_hold(request->sector <= limits->sectors &&
                  request->sectors <= limits->sectors - request->sector);
    if (limits->read_only)
        must_hold(request->operation == XK_BLKIF_OP_READ ||
                  (request->operation == XK_BLKIF_OP_FLUSH &&
                   request->segment_count == 0));
    for (unsigned i = 0; i < request->segment_count; i++) {
        must_hold(request->segments[i].first <= request->segments[i].last);
        must_hold(request->segments[i].last < XK_BLKIF_PAGE_SECTORS);
        sectors += request->segments[i].last - request->segments[i].first + 1u;
    }
    if (request->operation != XK_BLKIF_OP_DISCARD)
        must_hold(sectors == request->sectors);
    must_hold(sectors * 512 <= XK_BLKIF_MAX_REQUEST_BYTES);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX] = {0};
    uint8_t page[XK_BLKIF_PAGE_BYTES] = {0};
    struct xk_blkif_request request;
    struct xk_blkif_limits limits = {.logical_sectors = 1};
    enum xk_blkif_abi abi;
    size_t part;

    if (length == 0)
        return 0;
    abi = (enum xk_blkif_abi)(data[0] % XK_BLKIF_ABI_COUNT);
    limits.read_only = (data[0] & 0x10) != 0;
    limits.discard = (data[0] & 0x20) != 0;
    limits.logical_sectors = (data[0] & 0x40) != 0 ? 8 : 1;
    limits.sectors = (data[0] & 0x80) != 0 ? UINT64_MAX / 512 : 4096;
    data++, length--;
    part = length < sizeof(entry) ? length : sizeof(entry);
    memcpy(entry, data, part);
    data += part, length -= part;
    memcpy(page, data, length < sizeof(page) ? length : sizeof(page));

    if (xk_blkif_decode(abi, entry, &request) != XK_BLKIF_OK)
        return 0;
    for (unsigned i = 0; i < xk_blkif_indirect_pages(&request); i++)
        xk_blkif_decode_indirect(&request, i, page);
    if (xk_blkif_check(&request, &limits) == XK_BLKIF_OK)
        check_good(&request, &limits);
    return 0;
}
