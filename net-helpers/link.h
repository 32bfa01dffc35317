/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network device of the host: what the kernel counts, and whether it is
 * there.
 */
#ifndef XK_NET_HELPERS_LINK_H
#define XK_NET_HELPERS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/error.h"

/* rx is what the host received from the device: what the guest at the other
 * end of a TAP or a vif has sent. */
struct xk_net_link {
    char bridge[16]; /* "": it is on none */
    unsigned mtu;
    uint64_t rx_packets, rx_bytes, rx_dropped, rx_errors;
    uint64_t tx_packets, tx_bytes, tx_dropped, tx_errors;
};

/* Read the device of that name in the caller's network namespace;
 * XK_ERR_NOT_FOUND if there is none. Asks the kernel and not sysfs, which shows
 * the namespace in which it was mounted. */
int xk_net_link_read(const char *name, struct xk_net_link *link,
                     struct xk_deadline deadline, struct xk_error *err);

/* Wait until no device has that name. False at the deadline. */
bool xk_net_link_await_gone(const char *name, struct xk_deadline deadline);

#endif
