/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/rate.h"

void
xk_netif_rate_init(struct xk_netif_rate *rate, uint64_t bytes,
                   uint32_t interval_us, int64_t now_ns)
{
    *rate = (struct xk_netif_rate){
        .bytes = bytes,
        .interval_ns = (int64_t)interval_us * 1000,
        .credit = bytes,
        .began_ns = now_ns,
    };
    pthread_mutex_init(&rate->lock, NULL);
}

/* Intervals are counted from the first one on, not from when somebody asks, so
 * none of their time is lost. */
static void
add_intervals(struct xk_netif_rate *rate, int64_t now_ns)
{
    uint64_t burst =
        rate->bytes > XK_NETIF_BURST_BYTES ? rate->bytes : XK_NETIF_BURST_BYTES;
    uint64_t passed;

    if (now_ns < rate->began_ns + rate->interval_ns)
        return;
    passed = (uint64_t)((now_ns - rate->began_ns) / rate->interval_ns);
    rate->began_ns += (int64_t)passed * rate->interval_ns;
    if (passed > burst / rate->bytes)
        rate->credit = burst;
    else
        rate->credit += passed * rate->bytes;
    if (rate->credit > burst)
        rate->credit = burst;
}

static int64_t
time_of(const struct xk_netif_rate *rate, uint64_t missing)
{
    uint64_t intervals = (missing + rate->bytes - 1) / rate->bytes;

    return rate->began_ns + (int64_t)intervals * rate->interval_ns;
}

bool
xk_netif_rate_take(struct xk_netif_rate *rate, uint32_t bytes, int64_t now_ns,
                   int64_t *again_ns)
{
    bool enough;

    pthread_mutex_lock(&rate->lock);
    add_intervals(rate, now_ns);
    enough = rate->credit >= bytes;
    if (enough)
        rate->credit -= bytes;
    else
        *again_ns = time_of(rate, bytes - rate->credit);
    pthread_mutex_unlock(&rate->lock);
    return enough;
}
