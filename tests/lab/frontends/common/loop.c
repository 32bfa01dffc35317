/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/frontends/common/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/sys/gntalloc.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "xenstore-helpers/xenbus.h"

sigjmp_buf loop_failed;

void
fail_case(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    printf("#   ");
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    siglongjmp(loop_failed, 1);
}

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(LOOP_WAIT_MS);
}

/* ---- the store ---- */

static void
store_write(struct loop_device *device, const char *base, const char *name,
            const char *value)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", base, name);
    struct xk_error err;

    MUST(xk_store_write(device->store, 0, path, value, soon(), &err) == 0,
         "write %s: %s", path, err.message);
}

void
loop_write(struct loop_device *device, const char *name, const char *fmt, ...)
{
    XK_CLEANUP_FREE char *value = NULL;
    va_list args;

    va_start(args, fmt);
    value = xk_vasprintf(fmt, args);
    va_end(args);
    store_write(device, device->front, name, value);
}

void
loop_remove(struct loop_device *device, const char *name)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", device->front, name);
    struct xk_error err;

    MUST(xk_store_remove(device->store, 0, path, soon(), &err) == 0,
         "remove %s: %s", path, err.message);
}

void
loop_back_write(struct loop_device *device, const char *name, const char *value)
{
    store_write(device, device->back, name, value);
}

const char *
loop_back_read(struct loop_device *device, const char *name)
{
    static struct xk_buf value;
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", device->back, name);
    struct xk_error err;

    value.length = 0;
    if (xk_store_read(device->store, 0, path, 4096, &value, soon(), &err) == -1)
        return "";
    return value.data != NULL ? value.data : "";
}

void
loop_set_state(struct loop_device *device, int state)
{
    loop_write(device, "state", "%d", state);
}

int
loop_back_state(struct loop_device *device)
{
    return atoi(loop_back_read(device, "state"));
}

void
loop_await(struct loop_device *device, int state)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/state", device->back);
    struct xk_deadline deadline = soon();
    struct xk_error err;
    int found;

    MUST(xk_store_watch(device->store, path, "await", deadline, &err) == 0,
         "%s", err.message);
    while ((found = loop_back_state(device)) != state) {
        struct xk_store_event event = {0};

        if (xk_store_wait_event(device->store, &event, deadline, &err) == -1)
            break;
        xk_store_event_free(&event);
    }
    xk_store_unwatch(device->store, path, "await", soon(), &err);
    MUST(found == state, "the backend is at %s, not %s (%s)",
         xk_xenbus_state_name(found), xk_xenbus_state_name(state),
         loop_back_read(device, "error"));
}

/* ---- memory and ports ---- */

uint8_t *
loop_allocate(struct loop_device *device, unsigned pages, bool writable,
              uint32_t *grefs, uint64_t *index)
{
    size_t size =
        sizeof(struct ioctl_gntalloc_alloc_gref) + pages * sizeof(uint32_t);
    XK_CLEANUP_FREE struct ioctl_gntalloc_alloc_gref *ask =
        (struct ioctl_gntalloc_alloc_gref *)xk_calloc(1, size);
    void *memory;

    ask->flags = writable ? GNTALLOC_FLAG_WRITABLE : 0;
    ask->count = pages;
    MUST(ioctl(device->gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, ask) == 0,
         "gntalloc: %s", strerror(errno));
    memory = mmap(NULL, pages * 4096ul, PROT_READ | PROT_WRITE, MAP_SHARED,
                  device->gntalloc, (off_t)ask->index);
    MUST(memory != MAP_FAILED, "map gntalloc: %s", strerror(errno));
    for (unsigned i = 0; i < pages; i++)
        grefs[i] = (&ask->gref_ids[0])[i];
    *index = ask->index;
    return (uint8_t *)memory;
}

void
loop_give_back(struct loop_device *device, void *memory, unsigned pages,
               uint64_t index)
{
    struct ioctl_gntalloc_dealloc_gref ask = {.index = index, .count = pages};

    munmap(memory, pages * 4096ul);
    ioctl(device->gntalloc, IOCTL_GNTALLOC_DEALLOC_GREF, &ask);
}

static void
make_ring(struct loop_device *device, struct loop_ring *ring)
{
    unsigned pages = 1u << device->options.order;
    xenevtchn_port_or_error_t port;

    ring->events = xenevtchn_open(NULL, 0);
    MUST(ring->events != NULL, "open evtchn: %s", strerror(errno));
    fcntl(xenevtchn_fd(ring->events), F_SETFL, O_NONBLOCK);
    port = xenevtchn_bind_unbound_port(ring->events, 0);
    MUST(port > 0, "bind a port: %s", strerror(errno));
    ring->port = (uint32_t)port;
    ring->pages = loop_allocate(device, pages, true, ring->grefs, &ring->index);
    front_ring_init(&ring->front, ring->pages, pages * 4096ul,
                    xk_blkif_layout(device->options.abi)->entry_bytes, 0);
}

void
loop_make_rings(struct loop_device *device)
{
    device->ring_count = 0;
    while (device->ring_count < device->options.queues)
        make_ring(device, &device->rings[device->ring_count++]);
}

void
loop_drop_rings(struct loop_device *device)
{
    for (unsigned i = 0; i < device->ring_count; i++) {
        struct loop_ring *ring = &device->rings[i];

        if (ring->events != NULL)
            xenevtchn_close(ring->events);
        if (ring->pages != NULL)
            loop_give_back(device, ring->pages, 1u << device->options.order,
                           ring->index);
        memset(ring, 0, sizeof(*ring));
    }
    device->ring_count = 0;
}

static void
write_ring(struct loop_device *device, unsigned number)
{
    struct loop_ring *ring = &device->rings[number];
    char prefix[16] = "", name[64];

    if (device->ring_count > 1)
        snprintf(prefix, sizeof(prefix), "queue-%u/", number);
    for (unsigned i = 0; i < 1u << device->options.order; i++) {
        if (device->options.order == 0)
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

    if (!device->options.no_protocol)
        loop_write(device, "protocol", "%s", protocols[device->options.abi]);
    if (device->options.order > 0)
        loop_write(device, "ring-page-order", "%u", device->options.order);
    if (device->ring_count > 1)
        loop_write(device, "multi-queue-num-queues", "%u", device->ring_count);
    for (unsigned i = 0; i < device->ring_count; i++)
        write_ring(device, i);
}

void
loop_connect(struct loop_device *device)
{
    loop_make_rings(device);
    loop_write_rings(device);
    loop_set_state(device, XK_XENBUS_INITIALISED);
    loop_await(device, XK_XENBUS_CONNECTED);
    loop_set_state(device, XK_XENBUS_CONNECTED);
}

/* ---- requests ---- */

void
loop_put(struct loop_device *device, unsigned number,
         const struct blkif_bytes *entry)
{
    front_ring_put(&device->rings[number].front, entry->bytes);
}

void
loop_kick(struct loop_device *device, unsigned number)
{
    struct loop_ring *ring = &device->rings[number];

    xenevtchn_notify(ring->events, ring->port);
}

void
loop_push(struct loop_device *device, unsigned number)
{
    if (front_ring_push(&device->rings[number].front))
        loop_kick(device, number);
}

static void
take_event(struct loop_ring *ring)
{
    xenevtchn_port_or_error_t port = xenevtchn_pending(ring->events);

    if (port > 0)
        xenevtchn_unmask(ring->events, (evtchn_port_t)port);
}

bool
loop_next(struct loop_device *device, unsigned number,
          struct loop_response *response, int ms)
{
    struct loop_ring *ring = &device->rings[number];
    struct pollfd poll_fd = {.fd = xenevtchn_fd(ring->events),
                             .events = POLLIN};
    const uint8_t *entry;

    while (!front_ring_has_response(&ring->front)) {
        if (poll(&poll_fd, 1, ms) == 0 &&
            !front_ring_has_response(&ring->front))
            return false;
        take_event(ring);
    }
    entry = front_ring_next(&ring->front);
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

    memcpy(&id, entry->bytes + xk_blkif_layout(device->options.abi)->id,
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
    struct blkif_bytes entry =
        blkif_direct(device->options.abi, operation, ++id, sector, segments);

    for (unsigned i = 0; i < segments && i < XK_BLKIF_DIRECT_SEGMENTS; i++)
        blkif_set_segment(device->options.abi, &entry, i,
                          device->data_grefs[first + i], 0, 7);
    return entry;
}

struct blkif_bytes
loop_indirect(struct loop_device *device, uint8_t operation, uint64_t sector,
              uint16_t count, unsigned descriptors, unsigned first)
{
    struct blkif_bytes entry =
        blkif_indirect(device->options.abi, operation, sector + count, sector,
                       count, device->data_grefs[descriptors]);

    for (unsigned i = 0; i < count && i < 512; i++)
        blkif_put_descriptor(
            device->data + descriptors * 4096ul + i * 8ul,
            device->data_grefs[first + i % (LOOP_DATA_PAGES - first)], 0, 7);
    return entry;
}

void
loop_must_serve(struct loop_device *device)
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
