/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much a guest may send by a network card, all of whose queues share one
 * account. Each interval adds its bytes; what is left over is kept, up to a
 * burst of 128 KiB or of one interval, as with Linux's netback. A frame that
 * has to wait stays in its ring.
 */
#ifndef XK_BACKENDS_NET_RATE_H
#define XK_BACKENDS_NET_RATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    XK_NETIF_BURST_BYTES = 128 * 1024, /* more than any frame has */
};

struct xk_netif_rate {
    uint64_t bytes; /* of each interval, not 0 */
    int64_t interval_ns;

    pthread_mutex_t lock; /* for what follows */
    uint64_t credit;
    int64_t began_ns; /* the interval whose bytes were added last */
};

/* Begin with the credit of one interval. */
void xk_netif_rate_init(struct xk_netif_rate *rate, uint64_t bytes,
                        uint32_t interval_us, int64_t now_ns);

/* Take the credit for a frame of at most 65535 bytes. False: there is too
 * little, and will not be enough before *again_ns. For any thread. */
bool xk_netif_rate_take(struct xk_netif_rate *rate, uint32_t bytes,
                        int64_t now_ns, int64_t *again_ns);

#endif
