/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network in user space: libslirp, with its timers and descriptors on one
 * poll(2). Guests see 10.0.2.0/24 and fec0::/64, as with QEMU's "-netdev user":
 * they are .15 by DHCP, the host is .2 and its name server .3.
 *
 * One stack a process: libslirp calls back with nothing but a pointer.
 */
#ifndef XK_BACKENDS_SLIRP_STACK_H
#define XK_BACKENDS_SLIRP_STACK_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct xk_stack;

/* A port of the host that leads to the guest. */
struct xk_stack_forward {
    bool is_udp;
    char *host_address; /* NULL: all of IPv4 */
    uint32_t host_port;
    char *guest_address; /* NULL: the first that DHCP gives */
    uint32_t guest_port;
};

struct xk_stack_options {
    const struct xk_stack_forward *forwards;
    size_t forward_count;
    bool host_loopback; /* the guest reaches 127.0.0.1 of the host */
    unsigned mtu;       /* 0: 1500 */
};

/* send() takes each frame for the guest. XK_ERR_IN_USE or XK_ERR_CONFIG for a
 * forward that cannot be: the message names it. */
struct xk_stack *xk_stack_new(const struct xk_stack_options *options,
                              void (*send)(void *context, const void *frame,
                                           size_t bytes),
                              void *context, struct xk_error *err);
void xk_stack_free(struct xk_stack *stack);

/* A frame from the guest. */
void xk_stack_input(struct xk_stack *stack, const uint8_t *frame, size_t bytes);

/* Wait for the stack's descriptors and timers and for `fds` of the caller, and
 * serve the stack. The caller looks at its own. */
void xk_stack_run(struct xk_stack *stack, struct pollfd *fds, size_t count);

#endif
