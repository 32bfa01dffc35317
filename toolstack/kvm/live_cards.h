/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network cards that a running QEMU has. A card is two things: the device,
 * which the guest sees, and the network behind it (-netdev). Either may be
 * there without the other.
 */
#ifndef XK_TOOLSTACK_KVM_LIVE_CARDS_H
#define XK_TOOLSTACK_KVM_LIVE_CARDS_H

#include <stdbool.h>
#include <stddef.h>

#include "net-helpers/mac.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/qmp.h"

enum {
    XK_KVM_PORTS_MAX = 128,
};

struct xk_kvm_live_card {
    int devid;
    /* QEMU counts a network that was cut off as long as it has the device. */
    bool has_device, has_network;
    int port; /* PCI Express port of the device; -1: it is on none */
};

struct xk_kvm_live_cards {
    struct xk_kvm_live_card *items;
    size_t count;
    unsigned port_count; /* of the machine: port0 and so on */
    bool is_port[XK_KVM_PORTS_MAX], taken[XK_KVM_PORTS_MAX];
};

void xk_kvm_live_cards_free(struct xk_kvm_live_cards *cards);
#define XK_CLEANUP_LIVE_CARDS __attribute__((cleanup(xk_kvm_live_cards_free)))

/* Ask QEMU. */
int xk_kvm_live_cards_read(struct xk_qmp *qmp, struct xk_kvm_live_cards *cards,
                           struct xk_deadline deadline, struct xk_error *err);

/* Return the card, or NULL. */
const struct xk_kvm_live_card *
xk_kvm_live_cards_find(const struct xk_kvm_live_cards *cards, int devid);

/* Fail with XK_ERR_STATE if a card of the configuration that is to be on a port
 * is on none: a guest can eject its cards unasked. */
int xk_kvm_live_cards_need(const struct xk_kvm_live_cards *cards,
                           const struct xk_domain_config *config,
                           struct xk_error *err);

/* The same in one question to QEMU, which is quick: for a guest that is paused
 * on its way elsewhere, and was looked at before. */
int xk_kvm_need_cards(struct xk_qmp *qmp, const struct xk_domain_config *config,
                      struct xk_deadline deadline, struct xk_error *err);

/* Return whether QEMU has the device of the card: 1, 0, or -1. */
int xk_kvm_has_card(struct xk_qmp *qmp, int devid, struct xk_deadline deadline,
                    struct xk_error *err);

/* Write the MAC address of a card's device, or "". */
void xk_kvm_card_mac(struct xk_qmp *qmp, int devid, char mac[XK_MAC_TEXT_SIZE],
                     struct xk_deadline deadline);

#endif
