/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether another domain of this host has the MAC address of a network card. */
#ifndef XK_TOOLSTACK_MAC_USE_H
#define XK_TOOLSTACK_MAC_USE_H

#include "toolstack/config/problem.h"
#include "toolstack/host_drivers.h"

/* Add an error (XK_ERR_IN_USE) for each card of the configuration, from number
 * `first` on, whose MAC address a card of a running or paused domain has on the
 * same bridge, or one of a domain that is being made or started again. A domain
 * of the same name or UUID is the configuration's own. Cards with a user-mode
 * network, or in another domain, are on no bridge of this host. Only domains
 * with a record count. Who checks and makes the record under the lock over
 * names (xk_state_lock()) has the address; otherwise two at the same moment may
 * both pass. */
void xk_mac_use_check(struct xk_host *host,
                      const struct xk_domain_config *config, size_t first,
                      struct xk_problems *problems,
                      struct xk_deadline deadline);

#endif
