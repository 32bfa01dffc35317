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
#include "base/deadline.h"
#include "base/mem.h"
#include "base/number.h"
#include "xenstore-helpers/xenbus.h"

enum {
    KILLS_LEAST = 10
};

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
offer_port(struct loop_ring *ring)
{
    xenevtchn_port_or_error_t port;

    ring->events = xenevtchn_open(NULL, 0);
    MUST(ring->events != NULL, "open evtchn: %s", strerror(errno));
    fcntl(xenevtchn_fd(ring->events), F_SETFL, O_NONBLOCK);
    port = xenevtchn_bind_unbound_port(ring->events, 0);
    MUST(port > 0, "bind a port: %s", strerror(errno));
    ring->port = (uint32_t)port;
}

void
loop_make_ring(struct loop_device *device, unsigned pages, size_t entry_bytes,
               bool port)
{
    struct loop_ring *ring = &device->rings[device->ring_count++];

    if (port)
        offer_port(ring);
    ring->page_count = pages;
    ring->pages = loop_allocate(device, pages, true, ring->grefs, &ring->index);
    front_ring_init(&ring->front, ring->pages, pages * 4096ul, entry_bytes, 0);
}

void
loop_drop_rings(struct loop_device *device)
{
    for (unsigned i = 0; i < device->ring_count; i++) {
        struct loop_ring *ring = &device->rings[i];

        if (ring->events != NULL)
            xenevtchn_close(ring->events);
        if (ring->pages != NULL)
            loop_give_back(device, ring->pages, ring->page_count, ring->index);
        memset(ring, 0, sizeof(*ring));
    }
    device->ring_count = 0;
}

/* ---- rings ---- */

/* A ring without a port shares that of the ring before it. */
static struct loop_ring *
bell_of(struct loop_device *device, unsigned number)
{
    while (device->rings[number].events == NULL)
        number--;
    return &device->rings[number];
}

void
loop_kick(struct loop_device *device, unsigned number)
{
    struct loop_ring *ring = bell_of(device, number);

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

const uint8_t *
loop_await_response(struct loop_device *device, unsigned number, int ms)
{
    struct front_ring *front = &device->rings[number].front;
    struct loop_ring *bell = bell_of(device, number);
    struct pollfd poll_fd = {.fd = xenevtchn_fd(bell->events),
                             .events = POLLIN};

    while (!front_ring_has_response(front)) {
        if (poll(&poll_fd, 1, ms) == 0 && !front_ring_has_response(front))
            return NULL;
        take_event(bell);
    }
    return front_ring_next(front);
}

static int64_t
sample_ns(void)
{
    const char *text = getenv("XK_SAMPLE_S");
    uint64_t seconds = 0;

    if (text == NULL || !xk_parse_u64(text, UINT32_MAX, &seconds) ||
        seconds == 0)
        return INT64_MAX / 2;
    return (int64_t)seconds * 1000000000 / 3;
}

bool
loop_kills_again(struct loop_kills *kills)
{
    if (kills->count == 0)
        kills->end_ns = xk_now_ns() + sample_ns();
    if (kills->count == kills->most ||
        (kills->count >= KILLS_LEAST && xk_now_ns() >= kills->end_ns))
        return false;
    kills->count++;
    return true;
}

void
loop_connect(struct loop_device *device)
{
    loop_kind.connect(device);
}

void
loop_must_serve(struct loop_device *device)
{
    loop_kind.must_serve(device);
}
