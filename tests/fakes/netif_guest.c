/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/netif_guest.h"

#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/util.h"
#include "tests/unit/test.h"

/* ---- the guest ---- */

struct netif_guest *
netif_guest_new(uint32_t first)
{
    struct netif_guest *guest = XK_NEW(struct netif_guest);

    guest->memory = xk_memory_new(NETIF_GUEST_PAGES);
    guest->id = (struct xk_netif_ring_id){NETIF_GUEST_TX, NETIF_GUEST_RX, 7, 0};
    front_ring_init(&guest->tx, xk_memory_page(guest->memory, NETIF_GUEST_TX),
                    XK_NETIF_PAGE_BYTES, XK_NETIF_TX_BYTES, first);
    front_ring_init(&guest->rx, xk_memory_page(guest->memory, NETIF_GUEST_RX),
                    XK_NETIF_PAGE_BYTES, XK_NETIF_RX_BYTES, first);
    guest->to_backend = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    guest->to_guest = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return guest;
}

void
netif_guest_free(struct netif_guest *guest)
{
    xk_memory_free(guest->memory);
    close(guest->to_backend);
    close(guest->to_guest);
    free(guest);
}

void
netif_guest_ring_bell(struct netif_guest *guest)
{
    uint64_t one = 1;

    if (write(guest->to_backend, &one, sizeof(one)) != sizeof(one))
        abort();
}

void
netif_guest_put(struct netif_guest *guest, struct netif_entry entry)
{
    front_ring_put(&guest->tx, entry.words);
}

void
netif_guest_push(struct netif_guest *guest)
{
    if (front_ring_push(&guest->tx))
        netif_guest_ring_bell(guest);
}

bool
netif_guest_next(struct netif_guest *guest, struct netif_response *response,
                 int ms)
{
    struct pollfd poll_fd = {.fd = guest->to_guest, .events = POLLIN};
    uint64_t value;

    while (!front_ring_has_response(&guest->tx)) {
        if (poll(&poll_fd, 1, ms) == 0 && !front_ring_has_response(&guest->tx))
            return false;
        (void)!read(guest->to_guest, &value, sizeof(value));
    }
    memcpy(response, front_ring_next(&guest->tx), sizeof(*response));
    return true;
}

void
netif_guest_offer(struct netif_guest *guest, uint16_t id, uint32_t gref)
{
    const uint32_t entry[2] = {id, gref};

    front_ring_put(&guest->rx, entry);
}

void
netif_guest_push_offers(struct netif_guest *guest)
{
    if (front_ring_push(&guest->rx))
        netif_guest_ring_bell(guest);
}

bool
netif_guest_receive(struct netif_guest *guest, struct netif_received *received,
                    int ms)
{
    struct pollfd poll_fd = {.fd = guest->to_guest, .events = POLLIN};
    uint64_t value;

    while (!front_ring_has_response(&guest->rx)) {
        if (poll(&poll_fd, 1, ms) == 0 && !front_ring_has_response(&guest->rx))
            return false;
        (void)!read(guest->to_guest, &value, sizeof(value));
    }
    memcpy(received->bytes, front_ring_next(&guest->rx),
           sizeof(received->bytes));
    memcpy(received, received->bytes, sizeof(received->bytes));
    return true;
}

/* ---- the backend ---- */

/* A message of the fake network: the frame's head, and its bytes. */
struct message {
    struct xk_frame frame;
    uint8_t bytes[XK_FRAME_BYTES_MAX];
};

uint8_t
netif_frame_byte(uint8_t seed, uint32_t at)
{
    return (uint8_t)(seed + at * 7 + (at >> 8));
}

void
netif_backend_deliver(struct netif_backend *backend,
                      const struct xk_frame *frame, uint8_t seed)
{
    struct message *message = XK_NEW(struct message);
    size_t bytes = offsetof(struct message, bytes) + frame->length;

    message->frame = *frame;
    for (uint32_t i = 0; i < frame->length; i++)
        message->bytes[i] = netif_frame_byte(seed, i);
    assert_int_equal(send(backend->network[0], message, bytes, 0), bytes);
    free(message);
}

static bool
receive_frame(struct xk_port *port, unsigned queue, struct xk_frame *frame)
{
    struct netif_backend *backend =
        XK_CONTAINER_OF(port, struct netif_backend, port);
    struct message *message = XK_NEW(struct message);
    ssize_t got =
        recv(backend->network[1], message, sizeof(*message), MSG_DONTWAIT);
    uint8_t *bytes = frame->bytes;

    (void)queue;
    if (got > 0) {
        *frame = message->frame;
        frame->bytes = bytes;
        memcpy(bytes, message->bytes, frame->length);
    }
    free(message);
    return got > 0;
}

static int
network_fd(const struct xk_port *port, unsigned queue)
{
    (void)queue;
    return XK_CONTAINER_OF(port, struct netif_backend, port)->network[1];
}

static uint32_t
sum_of_ring(const struct netif_backend *backend)
{
    const struct front_ring *ring = &backend->guest->tx;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < ring->entries; i++) {
        const uint8_t *entry = front_ring_entry(ring, i);

        for (uint32_t at = 0; at < ring->entry_bytes; at++)
            sum = sum * 31 + entry[at];
    }
    return sum;
}

static bool
keep_frame(struct xk_port *port, unsigned queue, const struct xk_frame *frame)
{
    struct netif_backend *backend =
        XK_CONTAINER_OF(port, struct netif_backend, port);
    struct netif_sent *sent;

    (void)queue;
    if (backend->port_drops)
        return false;
    sent = &backend->sent[backend->sent_count++ % NETIF_GUEST_KEPT];
    *sent = (struct netif_sent){
        .length = frame->length,
        .checksum_missing = frame->checksum_missing,
        .checksum_good = frame->checksum_good,
        .segment_type = frame->segment_type,
        .segment_bytes = frame->segment_bytes,
        .ring_sum = sum_of_ring(backend),
    };
    for (uint32_t i = 0; i < frame->length; i++)
        sent->sum += frame->bytes[i];
    return true;
}

static bool
is_behind(const struct xk_port *port, unsigned queue)
{
    (void)queue;
    return XK_CONTAINER_OF(port, struct netif_backend, port)->port_is_behind;
}

static void
drain(struct xk_port *port, unsigned queue)
{
    struct netif_backend *backend =
        XK_CONTAINER_OF(port, struct netif_backend, port);

    (void)queue;
    backend->port_is_behind = false;
    backend->drained++;
}

static const struct xk_port_ops keeping = {
    .send = keep_frame,
    .receive = receive_frame,
    .fd = network_fd,
    .is_behind = is_behind,
    .drain = drain,
};

struct netif_backend *
netif_backend_new(struct netif_guest *guest, struct xk_port_features features)
{
    struct netif_backend *backend = XK_NEW(struct netif_backend);
    struct xk_guest *memory =
        xk_memory_guest_new(guest->memory, guest->to_backend, guest->to_guest);
    struct xk_error err;

    backend->guest = guest;
    backend->port = (struct xk_port){
        .ops = &keeping, .queues = XK_PORT_QUEUES_MAX, .features = features};
    backend->device.port = &backend->port;
    backend->device.patience_ms = 60000;
    backend->device.multicast = &backend->multicast;
    backend->device.changed_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, backend->network),
        0);
    backend->queue = xk_netif_queue_new(&backend->device, memory, 0, &err);
    assert_non_null(backend->queue);
    assert_int_equal(netif_backend_wait(backend, XK_WORKER_IDLE),
                     XK_WORKER_IDLE);
    return backend;
}

void
netif_backend_free(struct netif_backend *backend)
{
    xk_worker_free(backend->queue);
    close(backend->device.changed_fd);
    close(backend->network[0]);
    close(backend->network[1]);
    free(backend);
}

enum xk_worker_state
netif_backend_wait(struct netif_backend *backend, enum xk_worker_state wanted)
{
    return worker_await(backend->queue, backend->device.changed_fd, wanted);
}

enum xk_worker_state
netif_backend_connect(struct netif_backend *backend, bool take_over)
{
    xk_netif_queue_connect(backend->queue, &backend->guest->id, take_over);
    return netif_backend_wait(backend, XK_WORKER_RUNNING);
}

void
netif_backend_stop(struct netif_backend *backend)
{
    xk_worker_stop(backend->queue, false);
    assert_int_equal(netif_backend_wait(backend, XK_WORKER_IDLE),
                     XK_WORKER_IDLE);
    assert_int_equal(backend->guest->memory->maps, 0);
}

struct xk_netif_stats
netif_backend_stats(const struct netif_backend *backend)
{
    struct xk_netif_stats stats;

    xk_netif_queue_stats(backend->queue, &stats);
    return stats;
}
