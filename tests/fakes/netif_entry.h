/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of a transmit ring, as a frontend writes them. */
#ifndef XK_TESTS_FAKES_NETIF_ENTRY_H
#define XK_TESTS_FAKES_NETIF_ENTRY_H

#include <stdint.h>

struct netif_entry {
    uint32_t words[3];
};
struct netif_entry netif_slot(uint16_t id, uint32_t gref, uint16_t offset,
                              uint16_t size, uint16_t flags);
struct netif_entry netif_extra(uint8_t type, uint8_t flags, uint16_t gso_size,
                               uint8_t gso_type);
/* A change of the multicast list. */
struct netif_entry netif_multicast(uint8_t type, uint8_t flags,
                                   const uint8_t address[6]);

#endif
