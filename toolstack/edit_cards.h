/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Editing the network cards of a domain that exists: toolstack/edit_devices.h.
 */
#ifndef XK_TOOLSTACK_EDIT_CARDS_H
#define XK_TOOLSTACK_EDIT_CARDS_H

#include "toolstack/host_drivers.h"

/* Attach the card of a specification, as in a file's vif=
 * (xl-network-configuration(5)). Without devid= it gets the lowest one that is
 * free. XK_ERR_IN_USE also if another domain has its MAC address on the same
 * bridge. */
int xk_domain_attach_card(struct xk_host *host, struct xk_domain *domain,
                          const char *spec, struct xk_deadline deadline,
                          struct xk_error *err);

/* Detach the card with that devid or MAC address. */
int xk_domain_detach_card(struct xk_host *host, struct xk_domain *domain,
                          const char *name, bool force,
                          struct xk_deadline deadline, struct xk_error *err);

#endif
