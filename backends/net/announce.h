/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telling a network where a guest's address is: the switches between the guest
 * and those who talk to it learn from frames, and would send theirs to where
 * the guest was before it moved until it says something itself. Linux guests
 * do at once, others when they next have a reason.
 *
 * The frame is a request of reverse ARP, as QEMU sends for its guests after a
 * migration: it needs no address but that of the card, and nobody answers it.
 *
 * Source: RFC 903; RFC 826 (the layout).
 */
#ifndef XK_BACKENDS_NET_ANNOUNCE_H
#define XK_BACKENDS_NET_ANNOUNCE_H

#include "backends/net/port/port.h"

/* Send it. No queue uses the port. A port that drops it makes no difference
 * that its guest would notice. */
void xk_announce(struct xk_port *port, const uint8_t mac[6]);

#endif
