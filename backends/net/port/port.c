/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/port/port.h"

static unsigned
part_of(unsigned count)
{
    return count < XK_PORT_BATCH_MAX ? count : XK_PORT_BATCH_MAX;
}

void
xk_port_send_batch(struct xk_port *port, unsigned queue, struct xk_loop *loop,
                   const struct xk_frame *frames, bool *taken, unsigned count)
{
    unsigned part;

    for (unsigned i = 0; i < count; i += part) {
        part = port->ops->send_batch != NULL ? part_of(count - i) : 1;
        if (part > 1)
            port->ops->send_batch(port, queue, loop, frames + i, taken + i,
                                  part);
        else
            taken[i] = port->ops->send(port, queue, &frames[i]);
    }
}
