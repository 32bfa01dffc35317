/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the frames of a network card go. Queues of a card share its port.
 *
 * A port is a struct that has struct xk_port as its first member. It is opened
 * with all privileges and used without (life/jail.h). The queues call send()
 * from their threads, at the same time; it must not wait. Frames for the guest
 * have no call yet: no port delivers any.
 */
#ifndef XK_BACKENDS_NET_PORT_PORT_H
#define XK_BACKENDS_NET_PORT_PORT_H

#include "backends/net/port/frame.h"

/* What a port takes frames with; the card offers its guest no more. */
struct xk_port_features {
    bool checksums_v4, checksums_v6; /* a TCP or UDP checksum may be missing */
    bool segments_v4, segments_v6;   /* a frame may hold several TCP segments */
};

struct xk_port;

struct xk_port_ops {
    /* Take a frame, of whose bytes the checksum field may be written. False: it
     * is dropped. */
    bool (*send)(struct xk_port *port, unsigned queue,
                 const struct xk_frame *frame);
    void (*close)(struct xk_port *port);
};

struct xk_port {
    const struct xk_port_ops *ops;
    struct xk_port_features features;
};

static inline bool
xk_port_send(struct xk_port *port, unsigned queue, const struct xk_frame *frame)
{
    return port->ops->send(port, queue, frame);
}

/* NULL is ignored. */
static inline void
xk_port_close(struct xk_port *port)
{
    if (port != NULL)
        port->ops->close(port);
}

/* Takes each frame and delivers none. It needs no checksum and cuts nothing, so
 * it has all features. */
struct xk_port *xk_port_open_null(void);

#endif
