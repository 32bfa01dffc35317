/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A user-mode network: a process beside this one, connected to by a unix socket
 * (net-helpers/frame_stream.h). It is not connected to again: a process that is
 * confined opens no socket. xk starts both anew where the network has ended.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/net/port/offload.h"
#include "backends/net/port/port.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/unix_socket.h"
#include "base/util.h"
#include "contracts/user_network.h"
#include "net-helpers/frame_stream.h"

#define LOST "its user-mode network is gone"

enum {
    SKIPS_MAX = 64 /* frames that no guest can take, in a row */
};

struct stream_port {
    struct xk_port port; /* first */
    struct xk_stream stream;
};

static struct xk_stream *
stream_of(const struct xk_port *port)
{
    return &XK_CONTAINER_OF(port, struct stream_port, port)->stream;
}

/* The network takes whole frames with all their checksums: Linux's netfront
 * leaves those of IPv4 open whatever the backend says. A peer that has gone is
 * not detached here: what it sent before is to be read. */
static bool
send_frame(struct xk_port *port, unsigned queue, const struct xk_frame *frame)
{
    struct xk_stream *stream = stream_of(port);
    uint64_t dropped = stream->dropped;

    (void)queue;
    if (stream->fd == -1 || stream->has_failed ||
        xk_offload_finish(frame) != NULL)
        return false;
    xk_stream_send(stream, frame->bytes, frame->length);
    if (stream->has_failed)
        xk_port_lose(port, LOST);
    return stream->dropped == dropped;
}

static const uint8_t *
next_frame(struct xk_port *port, size_t *bytes)
{
    struct xk_stream *stream = stream_of(port);
    const uint8_t *frame = xk_stream_next(stream, bytes);

    if (frame == NULL && stream->fd != -1 && xk_stream_receive(stream))
        frame = xk_stream_next(stream, bytes);
    if (stream->fd == -1)
        xk_port_lose(port, LOST);
    return frame;
}

/* A stream's frames may be longer than a guest's. */
static bool
receive_frame(struct xk_port *port, unsigned queue, struct xk_frame *frame)
{
    size_t bytes;
    const uint8_t *found = next_frame(port, &bytes);

    (void)queue;
    for (unsigned i = 0;
         i < SKIPS_MAX && found != NULL && bytes > XK_FRAME_BYTES_MAX; i++)
        found = next_frame(port, &bytes);
    if (found == NULL || bytes > XK_FRAME_BYTES_MAX)
        return false;
    memcpy(frame->bytes, found, bytes);
    frame->length = (uint32_t)bytes;
    return true;
}

static int
descriptor(const struct xk_port *port, unsigned queue)
{
    (void)queue;
    return stream_of(port)->fd;
}

static bool
is_behind(const struct xk_port *port, unsigned queue)
{
    (void)queue;
    return xk_stream_is_behind(stream_of(port));
}

static void
drain(struct xk_port *port, unsigned queue)
{
    (void)queue;
    xk_stream_flush(stream_of(port));
}

static void
close_stream(struct xk_port *port)
{
    xk_stream_free(stream_of(port));
    free(XK_CONTAINER_OF(port, struct stream_port, port));
}

static const struct xk_port_ops ops = {
    .send = send_frame,
    .receive = receive_frame,
    .fd = descriptor,
    .is_behind = is_behind,
    .drain = drain,
    .close = close_stream,
};

static int
connect_there(const char *directory, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int dir =
        open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd;

    if (dir == -1)
        return xk_fail_errno(err, "open \"%s\"", directory);
    fd = xk_unix_connect(dir, XK_NETWORK_SOCKET, err);
    return fd != -1
               ? fd
               : xk_wrap(err, "the user-mode network of \"%s\"", directory);
}

struct xk_port *
xk_port_open_stream(const struct xk_port_options *options, struct xk_error *err)
{
    struct stream_port *port;
    int fd = connect_there(options->directory, err);

    if (fd == -1)
        return NULL;
    port = XK_NEW(struct stream_port);
    port->port.ops = &ops;
    port->port.queues = 1;
    port->port.features =
        (struct xk_port_features){.checksums_v4 = true, .checksums_v6 = true};
    xk_stream_init(&port->stream);
    xk_stream_attach(&port->stream, fd);
    return &port->port;
}
