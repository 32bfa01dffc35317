/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port without a network: for tests, and to measure all but a network. */
#include <stdlib.h>

#include "backends/net/port/port.h"
#include "base/mem.h"

static bool
send_nowhere(struct xk_port *port, unsigned queue, const struct xk_frame *frame)
{
    (void)port;
    (void)queue;
    (void)frame;
    return true;
}

static void
close_port(struct xk_port *port)
{
    free(port);
}

static const struct xk_port_ops ops = {
    .send = send_nowhere,
    .close = close_port,
};

struct xk_port *
xk_port_open_null(const struct xk_port_options *options, struct xk_error *err)
{
    struct xk_port *port = XK_NEW(struct xk_port);

    (void)err;
    port->ops = &ops;
    port->queues = options->queues;
    port->features = (struct xk_port_features){true, true, true, true};
    return port;
}
