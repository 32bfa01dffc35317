/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parse network card specifications, xl-network-configuration(5), for example
 * "mac=00:16:3e:00:00:01,bridge=xenbr0", with extensions of xk:
 *
 *   backendtype=linux|xk      who serves the card on Xen
 *   spoofcheck=1              the guest sends from its own MAC address only
 *   type=user                 a user-mode network in QEMU; needs no privileges
 *   hostfwd=PROTO:[HOST]:PORT-[GUEST]:PORT
 *                             with type=user; may be repeated
 *   hostloopback=0            with type=user: no access to the host's 127.0.0.1
 */
#ifndef XK_TOOLSTACK_CONFIG_VIF_SYNTAX_H
#define XK_TOOLSTACK_CONFIG_VIF_SYNTAX_H

#include "toolstack/config/device_syntax.h"
#include "toolstack/config/domain_config.h"

/* Fill *vif, which need not be initialised. Call xk_vif_free() even on failure.
 * Returns -1 if an error was added to the spec's problems. If they are not
 * given, devid is -1 and the MAC address is random with Xen's prefix 00:16:3e.
 */
int xk_vif_parse(const struct xk_spec *spec, struct xk_vif *vif);

/* Returns whether two cards of one domain or file have one MAC address and may
 * be on one bridge. A card with a user-mode network is on none. */
bool xk_vif_collides(const struct xk_vif *vif, const struct xk_vif *other);

/* Free what *vif holds. */
void xk_vif_free(struct xk_vif *vif);

/* Parse "10MB/s", "100Kb/s@20ms". Returns NULL, or what is wrong. The result is
 * one byte per interval at least, because 0 is no limit. */
const char *xk_vif_rate_parse(const char *text, uint64_t *bytes_per_interval,
                              uint32_t *interval_us);

/* Parse "tcp:127.0.0.1:2222-:22". Returns NULL, or what is wrong. */
const char *xk_hostfwd_parse(const char *text, struct xk_hostfwd *forward);

/* Returns the same text, owned by the caller. An IPv6 address is in brackets.
 */
char *xk_hostfwd_format(const struct xk_hostfwd *forward);

/* Make an address with Xen's prefix (OUI) and three random bytes. */
void xk_mac_random(uint8_t mac[6]);

/* Check "10p", "1p/2-5u/7+2x3": 802.1Q VLANs and which of them is untagged.
 * Returns NULL, or what is wrong. */
const char *xk_vlan_check(const char *text);

#endif
