/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of domains: of one, or of all. */
#ifndef XK_TOOLSTACK_LIST_H
#define XK_TOOLSTACK_LIST_H

#include "toolstack/host_drivers.h"

/* List all domains with their states, or only those of the driver that a person
 * named; in the order they were made. Free with xk_domain_list_free(). */
int xk_domain_list(struct xk_host *host, struct xk_domain_list *list,
                   struct xk_deadline deadline, struct xk_error *err);

/* Get the state of one domain: XK_ERR_NOT_FOUND. Free with
 * xk_domain_info_free(). */
int xk_domain_get(struct xk_host *host, const struct xk_domain *domain,
                  struct xk_domain_info *info, struct xk_deadline deadline,
                  struct xk_error *err);

#endif
