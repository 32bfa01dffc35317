/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The multicast addresses that a guest wants frames of. Queues share the list:
 * any of them may change it, and each asks it about every multicast frame, so
 * an entry is one number and there is no lock.
 *
 * Source: xen/include/public/io/netif.h, "feature-multicast-control".
 */
#ifndef XK_BACKENDS_NET_MULTICAST_H
#define XK_BACKENDS_NET_MULTICAST_H

#include <stdbool.h>
#include <stdint.h>

enum {
    XK_NETIF_MULTICAST_MAX = 64, /* addresses, as with Linux's netback */
};

struct xk_netif_multicast {
    bool is_filter;                                     /* else all pass */
    _Atomic uint64_t addresses[XK_NETIF_MULTICAST_MAX]; /* 0: free */
};

/* Begin with no address. No queue uses the list meanwhile. is_filter: drop what
 * is not in the list. */
void xk_netif_multicast_begin(struct xk_netif_multicast *list, bool is_filter);

/* False: the list is full. */
bool xk_netif_multicast_add(struct xk_netif_multicast *list,
                            const uint8_t address[6]);
/* An address that is not in the list is ignored. */
void xk_netif_multicast_remove(struct xk_netif_multicast *list,
                               const uint8_t address[6]);

/* Whether the guest gets a frame to that address; broadcast and what is to one
 * card always pass. */
bool xk_netif_multicast_passes(const struct xk_netif_multicast *list,
                               const uint8_t address[6]);

#endif
