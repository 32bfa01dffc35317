/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/blkif_guest.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

struct blkif_guest *
blkif_guest_new(enum xk_blkif_abi abi, unsigned pages)
{
    struct blkif_guest *guest = XK_NEW(struct blkif_guest);

    guest->memory = xk_memory_new(BLKIF_GUEST_PAGES);
    guest->abi = abi;
    guest->id.abi = abi;
    guest->id.pages = pages;
    guest->id.port = 7;
    for (unsigned i = 0; i < pages; i++)
        guest->id.grefs[i] = i + 1;
    guest->pages = xk_memory_page(guest->memory, 1);
    guest->to_backend = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    guest->to_guest = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    blkif_guest_reset_ring(guest, 0);
    return guest;
}

void
blkif_guest_free(struct blkif_guest *guest)
{
    xk_memory_free(guest->memory);
    close(guest->to_backend);
    close(guest->to_guest);
    free(guest);
}

void
blkif_guest_reset_ring(struct blkif_guest *guest, uint32_t first)
{
    front_ring_init(&guest->ring, guest->pages,
                    guest->id.pages * XK_BLKIF_PAGE_BYTES,
                    xk_blkif_layout(guest->abi)->entry_bytes, first);
}

void
blkif_guest_put(struct blkif_guest *guest, const struct blkif_bytes *entry)
{
    front_ring_put(&guest->ring, entry->bytes);
}

void
blkif_guest_ring_bell(struct blkif_guest *guest)
{
    uint64_t one = 1;

    if (write(guest->to_backend, &one, sizeof(one)) != sizeof(one))
        abort();
}

void
blkif_guest_push(struct blkif_guest *guest)
{
    if (front_ring_push(&guest->ring))
        blkif_guest_ring_bell(guest);
}

bool
blkif_guest_next(struct blkif_guest *guest, struct blkif_response *response,
                 int ms)
{
    struct pollfd poll_fd = {.fd = guest->to_guest, .events = POLLIN};
    const uint8_t *entry;
    uint64_t value;

    while (!front_ring_has_response(&guest->ring)) {
        if (poll(&poll_fd, 1, ms) == 0 &&
            !front_ring_has_response(&guest->ring))
            return false;
        (void)!read(guest->to_guest, &value, sizeof(value));
    }
    entry = front_ring_next(&guest->ring);
    memcpy(&response->id, entry, sizeof(response->id));
    response->operation = entry[XK_BLKIF_AT_RESPONSE_OPERATION];
    memcpy(&response->status, entry + XK_BLKIF_AT_RESPONSE_STATUS,
           sizeof(response->status));
    return true;
}

int
blkif_guest_ask(struct blkif_guest *guest, const struct blkif_bytes *entry)
{
    struct blkif_response response = {0};
    uint8_t operation = entry->bytes[XK_BLKIF_AT_OPERATION];
    uint64_t id;

    memcpy(&id, entry->bytes + xk_blkif_layout(guest->abi)->id, sizeof(id));
    if (operation == XK_BLKIF_OP_INDIRECT)
        operation = entry->bytes[XK_BLKIF_AT_INDIRECT_OPERATION];
    blkif_guest_put(guest, entry);
    blkif_guest_push(guest);
    assert_true(blkif_guest_next(guest, &response, BLKIF_GUEST_WAIT_MS));
    assert_int_equal(response.id, id);
    assert_int_equal(response.operation, operation);
    return response.status;
}

uint8_t *
blkif_guest_page(struct blkif_guest *guest, uint32_t gref)
{
    return xk_memory_page(guest->memory, gref);
}

struct blkif_backend *
blkif_backend_new(struct blkif_guest *guest, struct xk_engine *engine)
{
    struct blkif_backend *backend = XK_NEW(struct blkif_backend);
    struct xk_inflight_offer offer = {.queues = 1,
                                      .ring_order = XK_BLKIF_RING_ORDER_MAX,
                                      .segments = XK_BLKIF_MAX_SEGMENTS};
    struct xk_guest *memory;
    struct xk_error err;

    backend->guest = guest;
    backend->folder = scratch_new();
    backend->log_path = xk_asprintf("%s/inflight", backend->folder);
    backend->device.log = xk_inflight_open(backend->log_path, &offer, &err);
    assert_non_null(backend->device.log);
    backend->device.engine = engine;
    backend->device.changed_fd = eventfd(0, EFD_CLOEXEC);
    backend->device.limits =
        (struct xk_blkif_limits){.sectors = engine->bytes / 512,
                                 .logical_sectors = 1,
                                 .read_only = engine->read_only,
                                 .discard = engine->discard};
    memory =
        xk_memory_guest_new(guest->memory, guest->to_backend, guest->to_guest);
    backend->queue = xk_blkif_queue_new(&backend->device, memory, 0, &err);
    assert_non_null(backend->queue);
    assert_int_equal(blkif_backend_wait(backend, XK_WORKER_IDLE),
                     XK_WORKER_IDLE);
    return backend;
}

enum xk_worker_state
blkif_backend_wait(struct blkif_backend *backend, enum xk_worker_state wanted)
{
    return worker_await(backend->queue, backend->device.changed_fd, wanted);
}

enum xk_worker_state
blkif_backend_connect(struct blkif_backend *backend, bool take_over)
{
    xk_blkif_queue_connect(backend->queue, &backend->guest->id, take_over);
    return blkif_backend_wait(backend, XK_WORKER_RUNNING);
}

void
blkif_backend_stop(struct blkif_backend *backend)
{
    xk_worker_stop(backend->queue, false);
    assert_int_equal(blkif_backend_wait(backend, XK_WORKER_IDLE),
                     XK_WORKER_IDLE);
    assert_int_equal(backend->guest->memory->maps, 0);
}

void
blkif_backend_free(struct blkif_backend *backend)
{
    xk_worker_free(backend->queue);
    xk_engine_close(backend->device.engine);
    xk_inflight_close(backend->device.log);
    close(backend->device.changed_fd);
    free(backend->log_path);
    scratch_free(backend->folder);
    free(backend);
}

char *
blkif_image_new(const char *folder, const char *name, uint64_t bytes)
{
    char *path = xk_asprintf("%s/%s", folder, name);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    assert_int_not_equal(fd, -1);
    assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
    close(fd);
    return path;
}
