/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/multicast.h"

#include <stdatomic.h>
#include <string.h>

#define USED (UINT64_C(1) << 48)
#define BROADCAST (USED - 1)

/* Never 0. */
static uint64_t
number_of(const uint8_t address[6])
{
    uint64_t number = 0;

    memcpy(&number, address, 6);
    return number | USED;
}

void
xk_netif_multicast_begin(struct xk_netif_multicast *list, bool is_filter)
{
    list->is_filter = is_filter;
    for (unsigned i = 0; i < XK_NETIF_MULTICAST_MAX; i++)
        list->addresses[i] = 0;
}

static bool
has(const struct xk_netif_multicast *list, uint64_t number)
{
    for (unsigned i = 0; i < XK_NETIF_MULTICAST_MAX; i++) {
        if (list->addresses[i] == number)
            return true;
    }
    return false;
}

/* Two queues that add the same address may both put it into the list. */
bool
xk_netif_multicast_add(struct xk_netif_multicast *list,
                       const uint8_t address[6])
{
    uint64_t number = number_of(address);

    if (has(list, number))
        return true;
    for (unsigned i = 0; i < XK_NETIF_MULTICAST_MAX; i++) {
        uint64_t unused = 0;

        if (atomic_compare_exchange_strong(&list->addresses[i], &unused,
                                           number))
            return true;
    }
    return false;
}

void
xk_netif_multicast_remove(struct xk_netif_multicast *list,
                          const uint8_t address[6])
{
    uint64_t number = number_of(address);

    for (unsigned i = 0; i < XK_NETIF_MULTICAST_MAX; i++) {
        uint64_t found = number;

        atomic_compare_exchange_strong(&list->addresses[i], &found, 0);
    }
}

bool
xk_netif_multicast_passes(const struct xk_netif_multicast *list,
                          const uint8_t address[6])
{
    uint64_t number = number_of(address);

    return !list->is_filter || (address[0] & 1) == 0 ||
           number == (BROADCAST | USED) || has(list, number);
}
