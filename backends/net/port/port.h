/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the frames of a network card go. Queues of a card share its port.
 *
 * A port is a struct that has struct xk_port as its first member. It is opened
 * with all privileges and used without (life/jail.h). The queues call send()
 * and receive() from their threads, at the same time; neither may wait.
 */
#ifndef XK_BACKENDS_NET_PORT_PORT_H
#define XK_BACKENDS_NET_PORT_PORT_H

#include "backends/net/port/frame.h"
#include "backends/worker/loop.h"
#include "base/error.h"
#include "net-helpers/plug.h"

/* What a port takes frames with (the card offers its guest no more), or what a
 * guest takes them with. */
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

    /* Whether there is a frame for the guest: it is written to frame->bytes,
     * where there is room for XK_PORT_FRAME_ROOM, and the rest of *frame is
     * set. NULL: the port delivers nothing. */
    bool (*receive)(struct xk_port *port, unsigned queue,
                    struct xk_frame *frame);

    /* Take frames in their order, with one system call on the loop of the
     * queue's thread; at most XK_PORT_BATCH_MAX. taken[i]: frame i is not
     * dropped. NULL: each by send(). */
    void (*send_batch)(struct xk_port *port, unsigned queue,
                       struct xk_loop *loop, const struct xk_frame *frames,
                       bool *taken, unsigned count);

    /* A descriptor that is readable while there is such a frame; -1: the port
     * is lost. */
    int (*fd)(const struct xk_port *port, unsigned queue);

    /* Whether frames that were sent wait until that descriptor is writable;
     * then call drain(). NULL: none ever wait. */
    bool (*is_behind)(const struct xk_port *port, unsigned queue);
    void (*drain)(struct xk_port *port, unsigned queue);

    /* From now on deliver only what the guest takes, to the first `queues`
     * queues. No queue uses the port. NULL: whatever it takes. */
    void (*limit)(struct xk_port *port, const struct xk_port_features *features,
                  unsigned queues);

    void (*close)(struct xk_port *port);
};

enum {
    XK_PORT_FRAME_ROOM = XK_FRAME_BYTES_MAX + 1,
    XK_PORT_QUEUES_MAX = 16,
    XK_PORT_BATCH_MAX = 32,
};

struct xk_port {
    const struct xk_port_ops *ops;
    unsigned queues; /* as many as were asked for, or fewer */
    struct xk_port_features features;
    const char *loss; /* see xk_port_loss() */
};

/* Why no frame passes any more, as a clause; NULL: they do. */
static inline const char *
xk_port_loss(const struct xk_port *port)
{
    return __atomic_load_n(&port->loss, __ATOMIC_RELAXED);
}

/* For a port: it is lost, by any thread. */
static inline void
xk_port_lose(struct xk_port *port, const char *loss)
{
    __atomic_store_n(&port->loss, loss, __ATOMIC_RELAXED);
}

static inline bool
xk_port_send(struct xk_port *port, unsigned queue, const struct xk_frame *frame)
{
    return port->ops->send(port, queue, frame);
}

/* As ops->send_batch(), for any port and any count. */
void xk_port_send_batch(struct xk_port *port, unsigned queue,
                        struct xk_loop *loop, const struct xk_frame *frames,
                        bool *taken, unsigned count);

static inline bool
xk_port_delivers(const struct xk_port *port)
{
    return port->ops->receive != NULL;
}

/* NULL is ignored. */
static inline void
xk_port_close(struct xk_port *port)
{
    if (port != NULL)
        port->ops->close(port);
}

/* ---- ports ---- */

/* Opened with all privileges. Texts are borrowed for the call; NULL where
 * nothing was said. */
struct xk_port_options {
    struct xk_plug plug;      /* of a TAP */
    struct xk_plug_card card; /* what is plugged in there */
    const char *directory;    /* of the device */
    unsigned queues;          /* 1 to XK_PORT_QUEUES_MAX */
    struct xk_deadline deadline;
};

/* The caller closes the port. */
typedef struct xk_port *xk_port_open(const struct xk_port_options *options,
                                     struct xk_error *err);

/* Takes each frame and delivers none. It needs no checksum and cuts nothing, so
 * it has all features. */
xk_port_open xk_port_open_null;

/* A TAP that is plugged in, of as many queues (tap.c). It lives as long as the
 * port, which is lost where somebody removes it. XK_ERR_CONFIG if there is
 * nothing of that name to plug it into. */
xk_port_open xk_port_open_tap;

/* The user-mode network whose process serves the device's directory
 * (contracts/user_network.h): one queue, and no segments (stream.c). Once the
 * process has ended, or has taken another peer, the port is lost. */
xk_port_open xk_port_open_stream;

#endif
