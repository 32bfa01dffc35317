/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TAP, plugged into what the host has (net-helpers/plug.h). The kernel
 * computes missing checksums and divides segments, by the header that each
 * frame has in front (linux/virtio_net.h). What the guest does not fetch waits
 * in the TAP's queue, which the kernel bounds.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backends/net/port/offload.h"
#include "backends/net/port/port.h"
#include "base/mem.h"
#include "base/util.h"
#include "net-helpers/link.h"

enum {
    GONE_MS = 5000,
    SKIPS_MAX = 64,     /* frames that no guest can take, in a row */
    WAITING_MAX = 4096, /* more than a TAP keeps */
};

/* A frame of a batch on its way. */
struct transfer {
    struct xk_loop_op op;
    unsigned *left; /* transfers of the batch that are not done */
    int result;
    struct virtio_net_hdr header;
    struct iovec parts[2];
};

struct tap {
    struct xk_port port; /* first */
    int fds[XK_PORT_QUEUES_MAX];
    struct transfer transfers[XK_PORT_QUEUES_MAX][XK_PORT_BATCH_MAX];
    unsigned left[XK_PORT_QUEUES_MAX];
};

static struct tap *
tap_of(const struct xk_port *port)
{
    return XK_CONTAINER_OF(port, struct tap, port);
}

static bool
send_frame(struct xk_port *port, unsigned queue, const struct xk_frame *frame)
{
    struct virtio_net_hdr header;
    struct iovec parts[] = {{&header, sizeof(header)},
                            {frame->bytes, frame->length}};

    if (xk_offload_to_tap(frame, &header) != NULL)
        return false;
    return writev(tap_of(port)->fds[queue], parts, XK_ARRAY_SIZE(parts)) > 0;
}

/* 1: *frame is one; 0: there is one that no guest can take; -1: none. */
static int
read_frame(struct tap *tap, unsigned queue, struct xk_frame *frame)
{
    struct virtio_net_hdr header;
    struct iovec parts[] = {{&header, sizeof(header)},
                            {frame->bytes, XK_PORT_FRAME_ROOM}};
    ssize_t got = readv(tap->fds[queue], parts, XK_ARRAY_SIZE(parts));

    if (got == -1 && errno == EBADFD)
        xk_port_lose(&tap->port, "its TAP was removed");
    if (got <= 0)
        return -1;
    if (got < (ssize_t)sizeof(header) + XK_FRAME_ETHERNET_BYTES ||
        got > (ssize_t)sizeof(header) + XK_FRAME_BYTES_MAX)
        return 0;
    frame->length = (uint32_t)got - (uint32_t)sizeof(header);
    return xk_offload_from_tap(&header, frame) == NULL;
}

static bool
receive_frame(struct xk_port *port, unsigned queue, struct xk_frame *frame)
{
    int found = 0;

    for (unsigned i = 0; i < SKIPS_MAX && found == 0; i++)
        found = read_frame(tap_of(port), queue, frame);
    return found == 1;
}

/* ---- batches ---- */

static void
transfer_done(struct xk_loop_op *op, int result)
{
    struct transfer *transfer = XK_CONTAINER_OF(op, struct transfer, op);

    transfer->result = result;
    --*transfer->left;
}

static void
start_write(struct tap *tap, unsigned queue, struct xk_loop *loop,
            const struct xk_frame *frame, struct transfer *transfer)
{
    struct io_uring_sqe *sqe = xk_loop_sqe(loop);

    transfer->op.done = transfer_done;
    transfer->left = &tap->left[queue];
    transfer->parts[0] =
        (struct iovec){&transfer->header, sizeof(transfer->header)};
    transfer->parts[1] = (struct iovec){frame->bytes, frame->length};
    io_uring_prep_writev(sqe, tap->fds[queue], transfer->parts,
                         XK_ARRAY_SIZE(transfer->parts), 0);
    xk_loop_start(loop, sqe, &transfer->op);
    tap->left[queue]++;
}

/* Writing to a TAP does not wait, so the kernel does all of a batch while it is
 * submitted. Reading may: a read of an empty TAP would wait for a frame. */
static void
send_batch(struct xk_port *port, unsigned queue, struct xk_loop *loop,
           const struct xk_frame *frames, bool *taken, unsigned count)
{
    struct tap *tap = tap_of(port);
    struct transfer *transfers = tap->transfers[queue];

    for (unsigned i = 0; i < count; i++) {
        transfers[i].result = 0;
        if (xk_offload_to_tap(&frames[i], &transfers[i].header) == NULL)
            start_write(tap, queue, loop, &frames[i], &transfers[i]);
    }
    if (xk_loop_run_all(loop, &tap->left[queue], NULL) == -1)
        xk_port_lose(port, "the kernel refused to write to its TAP");
    for (unsigned i = 0; i < count; i++)
        taken[i] = transfers[i].result > 0;
}

static int
descriptor(const struct xk_port *port, unsigned queue)
{
    return xk_port_loss(port) == NULL ? tap_of(port)->fds[queue] : -1;
}

/* The kernel chooses among the queues that are attached. It refuses to attach
 * one that is. */
static void
use_queues(struct tap *tap, unsigned queues)
{
    for (unsigned i = 0; tap->port.queues > 1 && i < tap->port.queues; i++) {
        struct ifreq ifr = {.ifr_flags = i < queues ? IFF_ATTACH_QUEUE
                                                    : IFF_DETACH_QUEUE};

        (void)ioctl(tap->fds[i], TUNSETQUEUE, &ifr);
    }
}

/* What came for the guest before it said what it takes. */
static void
drop_waiting(int fd)
{
    struct virtio_net_hdr header; /* the rest of a frame is cut off */

    for (unsigned i = 0; i < WAITING_MAX; i++) {
        if (read(fd, &header, sizeof(header)) == -1)
            return;
    }
}

/* One checksum for both: a guest that takes only one of them gets none
 * missing. */
static void
limit(struct xk_port *port, const struct xk_port_features *features,
      unsigned queues)
{
    bool checksums = features->checksums_v4 && features->checksums_v6;
    unsigned offload = checksums ? TUN_F_CSUM : 0;

    if (checksums && features->segments_v4)
        offload |= TUN_F_TSO4 | TUN_F_TSO_ECN;
    if (checksums && features->segments_v6)
        offload |= TUN_F_TSO6 | TUN_F_TSO_ECN;
    (void)ioctl(tap_of(port)->fds[0], TUNSETOFFLOAD, offload);
    use_queues(tap_of(port), queues);
    for (unsigned i = 0; i < queues; i++)
        drop_waiting(tap_of(port)->fds[i]);
}

static void
close_tap(struct xk_port *port)
{
    struct tap *tap = tap_of(port);

    for (unsigned i = 0; i < tap->port.queues; i++)
        close(tap->fds[i]);
    free(tap);
}

static const struct xk_port_ops ops = {
    .send = send_frame,
    .receive = receive_frame,
    .send_batch = send_batch,
    .fd = descriptor,
    .limit = limit,
    .close = close_tap,
};

/* A process that was killed may still be closing its TAP. If the device is
 * another's, and stays, that is told by plugging in. */
static int
plug_in(const struct xk_port_options *options, int *fds, struct xk_error *err)
{
    (void)xk_net_link_await_gone(
        options->card.device,
        xk_deadline_min(options->deadline, xk_deadline_in_ms(GONE_MS)));
    return xk_plug_in(&options->plug, &options->card, fds, options->queues,
                      options->deadline, err);
}

struct xk_port *
xk_port_open_tap(const struct xk_port_options *options, struct xk_error *err)
{
    struct tap *tap;

    if (options->card.device == NULL || options->plug.bridge == NULL) {
        xk_fail(err, XK_ERR_CONFIG, "a TAP needs a name and a bridge");
        return NULL;
    }
    tap = XK_NEW(struct tap);
    tap->port.ops = &ops;
    tap->port.features = (struct xk_port_features){true, true, true, true};
    tap->port.queues = options->queues;
    if (plug_in(options, tap->fds, err) == 0)
        return &tap->port;
    free(tap);
    return NULL;
}
