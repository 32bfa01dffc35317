/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network card specifications, xl-network-configuration(5), for example
 * "mac=00:16:3e:00:00:01,bridge=xenbr0", and with our extensions:
 *
 *   type=user                 a network of QEMU's own that needs no rights
 *   hostfwd=PROTO:[HOST]:PORT-[GUEST]:PORT
 *                             with type=user, as often as wanted
 *   hostloopback=0            with type=user: not to the host's 127.0.0.1
 */
#ifndef XK_TOOLSTACK_CONFIG_VIF_SYNTAX_H
#define XK_TOOLSTACK_CONFIG_VIF_SYNTAX_H

#include "toolstack/config/device_syntax.h"
#include "toolstack/config/domain_config.h"

/* Fill *vif, which need not be initialised; xk_vif_free() it in any case.
 * Returns -1 where an error was added to the spec's problems. Where they are
 * not given, devid is -1 and the MAC address is random, of Xen's 00:16:3e. */
int xk_vif_parse(const struct xk_spec *spec, struct xk_vif *vif);

/* Free what *vif holds. */
void xk_vif_free(struct xk_vif *vif);

/* "10MB/s", "100Kb/s@20ms". NULL, or what is wrong with it. */
const char *xk_vif_rate_parse(const char *text, uint64_t *bytes_per_interval,
                              uint32_t *interval_us);

/* "tcp:127.0.0.1:2222-:22". NULL, or what is wrong with it. */
const char *xk_hostfwd_parse(const char *text, struct xk_hostfwd *forward);

/* The same text again, owned by the caller. An IPv6 address is in brackets. */
char *xk_hostfwd_format(const struct xk_hostfwd *forward);

/* "00:16:3e:12:34:56"; '-' may stand for ':', and one digit for two. */
bool xk_mac_parse(const char *text, uint8_t mac[6]);

/* "10p", "1p/2-5u/7+2x3": 802.1Q VLANs and which of them is untagged. NULL, or
 * what is wrong with it. */
const char *xk_vlan_check(const char *text);

#endif
