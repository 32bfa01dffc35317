/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/netif_entry.h"

#include <string.h>

struct netif_entry
netif_slot(uint16_t id, uint32_t gref, uint16_t offset, uint16_t size,
           uint16_t flags)
{
    const uint16_t rest[] = {offset, flags, id, size};
    struct netif_entry entry = {{gref, 0, 0}};

    memcpy(&entry.words[1], rest, sizeof(rest));
    return entry;
}

struct netif_entry
netif_extra(uint8_t type, uint8_t flags, uint16_t gso_size, uint8_t gso_type)
{
    const uint8_t bytes[] = {
        type,     flags, (uint8_t)(gso_size & 0xff), (uint8_t)(gso_size >> 8),
        gso_type,
    };
    struct netif_entry entry = {{0, 0, 0}};

    memcpy(entry.words, bytes, sizeof(bytes));
    return entry;
}

struct netif_entry
netif_multicast(uint8_t type, uint8_t flags, const uint8_t address[6])
{
    struct netif_entry entry = netif_extra(type, flags, 0, 0);

    memcpy((uint8_t *)entry.words + 2, address, 6);
    return entry;
}
