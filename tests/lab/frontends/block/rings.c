/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings and requests of a block frontend. */
#include <stdio.h>
#include <string.h>

#include "tests/lab/frontends/block/block.h"
#include "xenstore-helpers/xenbus.h"

void
loop_make_rings(struct loop_device *device)
{
    const struct loop_options *options = &block_of(device)->options;

    device->ring_count = 0;
    while (device->ring_count < options->queues)
        loop_make_ring(device, 1u << options->order,
                       xk_blkif_layout(options->abi)->entry_bytes, true);
}

static void
write_ring(struct loop_device *device, unsigned number)
{
    struct loop_ring *ring = &device->rings[number];
    char prefix[24] = "", name[64];

    if (device->ring_count > 1)
        snprintf(prefix, sizeof(prefix), "queue-%u/", number);
    for (unsigned i = 0; i < 1u << block_of(device)->options.order; i++) {
        if (block_of(device)->options.order == 0)
            snprintf(name, sizeof(name), "%sring-ref", prefix);
        else
            snprintf(name, sizeof(name), "%sring-ref%u", prefix, i);
        loop_write(device, name, "%u", ring->grefs[i]);
    }
    snprintf(name, sizeof(name), "%sevent-channel", prefix);
    loop_write(device, name, "%u", ring->port);
}

void
loop_write_rings(struct loop_device *device)
{
    static const char *const protocols[] = {
        [XK_BLKIF_NATIVE] = "x86_64-abi",
        [XK_BLKIF_X86_32] = "x86_32-abi",
        [XK_BLKIF_X86_64] = "x86_64-abi",
    };

    if (!block_of(device)->options.no_protocol)
        loop_write(device, "protocol", "%s",
                   protocols[block_of(device)->options.abi]);
    if (block_of(device)->options.order > 0)
        loop_write(device, "ring-page-order", "%u",
                   block_of(device)->options.order);
    if (device->ring_count > 1)
        loop_write(device, "multi-queue-num-queues", "%u", device->ring_count);
    for (unsigned i = 0; i < device->ring_count; i++)
        write_ring(device, i);
}

void
block_connect(struct loop_device *device)
{
    loop_make_rings(device);
    loop_write_rings(device);
    loop_set_state(device, XK_XENBUS_INITIALISED);
    loop_await(device, XK_XENBUS_CONNECTED);
    loop_set_state(device, XK_XENBUS_CONNECTED);
}

void
loop_put(struct loop_device *device, unsigned number,
         const struct blkif_bytes *entry)
{
    front_ring_put(&device->rings[number].front, entry->bytes);
}

bool
loop_next(struct loop_device *device, unsigned number,
          struct loop_response *response, int ms)
{
    const uint8_t *entry = loop_await_response(device, number, ms);

    if (entry == NULL)
        return false;
    memcpy(&response->id, entry, sizeof(response->id));
    response->operation = entry[XK_BLKIF_AT_RESPONSE_OPERATION];
    memcpy(&response->status, entry + XK_BLKIF_AT_RESPONSE_STATUS,
           sizeof(response->status));
    return true;
}

int
loop_ask(struct loop_device *device, unsigned ring,
         const struct blkif_bytes *entry)
{
    struct loop_response response;
    uint64_t id;

    memcpy(&id,
           entry->bytes + xk_blkif_layout(block_of(device)->options.abi)->id,
           sizeof(id));
    loop_put(device, ring, entry);
    loop_push(device, ring);
    MUST(loop_next(device, ring, &response, LOOP_WAIT_MS), "no answer");
    MUST(response.id == id, "answered id %llx, asked %llx",
         (unsigned long long)response.id, (unsigned long long)id);
    return response.status;
}

struct blkif_bytes
loop_request(struct loop_device *device, uint8_t operation, uint64_t sector,
             uint8_t segments, unsigned first)
{
    static uint64_t id;
    struct blkif_bytes entry = blkif_direct(block_of(device)->options.abi,
                                            operation, ++id, sector, segments);

    for (unsigned i = 0; i < segments && i < XK_BLKIF_DIRECT_SEGMENTS; i++)
        blkif_set_segment(block_of(device)->options.abi, &entry, i,
                          device->data_grefs[first + i], 0, 7);
    return entry;
}

struct blkif_bytes
loop_indirect(struct loop_device *device, uint8_t operation, uint64_t sector,
              uint16_t count, unsigned descriptors, unsigned first)
{
    struct blkif_bytes entry =
        blkif_indirect(block_of(device)->options.abi, operation, sector + count,
                       sector, count, device->data_grefs[descriptors]);

    for (unsigned i = 0; i < count && i < 512; i++)
        blkif_put_descriptor(
            device->data + descriptors * 4096ul + i * 8ul,
            device->data_grefs[first + i % (LOOP_DATA_PAGES - first)], 0, 7);
    return entry;
}

void
block_must_serve(struct loop_device *device)
{
    struct blkif_bytes entry =
        loop_request(device, XK_BLKIF_OP_WRITE, 1024, 4, 0);
    int status;

    for (unsigned i = 0; i < 4 * 4096; i++)
        device->data[i] = (uint8_t)(i * 7 + i / 256);
    status = loop_ask(device, 0, &entry);
    MUST(status == XK_BLKIF_OK, "a good write is answered %d", status);
    entry = loop_request(device, XK_BLKIF_OP_READ, 1024, 4, 4);
    memset(device->data + 4 * 4096, 0, 4 * 4096);
    status = loop_ask(device, 0, &entry);
    MUST(status == XK_BLKIF_OK, "a good read is answered %d", status);
    MUST(memcmp(device->data, device->data + 4 * 4096, 4 * 4096) == 0,
         "what was written is not read");
}
