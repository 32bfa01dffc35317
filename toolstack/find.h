/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which domain is meant, and whether a name or a UUID is free. */
#ifndef XK_TOOLSTACK_FIND_H
#define XK_TOOLSTACK_FIND_H

#include "toolstack/host_drivers.h"

/* Find the domain that a person names by name, UUID or domid, of any driver:
 * XK_ERR_NOT_FOUND; XK_ERR_USAGE if several domains are called so, and the
 * driver that was named does not decide. Close it with xk_domain_close(). */
int xk_domain_find(struct xk_host *host, const char *what,
                   struct xk_domain *domain, struct xk_deadline deadline,
                   struct xk_error *err);
void xk_domain_close(struct xk_domain *domain);

/* Open the domain of exactly that record: XK_ERR_NOT_FOUND. */
int xk_domain_open(struct xk_host *host, const struct xk_uuid *uuid,
                   struct xk_domain *domain, struct xk_error *err);

/* Open a domain that a list names. XK_ERR_NOT_FOUND if it has gone. */
int xk_domain_take(struct xk_host *host, const struct xk_domain_info *info,
                   struct xk_domain *domain, struct xk_error *err);

/* Whether a record has that name. */
bool xk_operation_is_recorded(struct xk_host *host, const char *name);

/* Refuse a new domain that others could not be told from, on any driver: its
 * name or its UUID is taken, its name is the UUID of another domain, or its
 * UUID is the name of another. XK_ERR_EXISTS. The caller holds the lock over
 * names. */
int xk_operation_check_free(struct xk_host *host, const char *name,
                            const struct xk_uuid *uuid,
                            struct xk_deadline deadline, struct xk_error *err);

/* The same for the domain `self`, which exists and gets another name. */
int xk_operation_check_name(struct xk_host *host, const char *name,
                            const struct xk_uuid *self,
                            struct xk_deadline deadline, struct xk_error *err);

#endif
