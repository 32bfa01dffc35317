/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a domain comes to be: its name, its record, its machine. */
#ifndef XK_TOOLSTACK_CREATE_H
#define XK_TOOLSTACK_CREATE_H

#include "toolstack/host_drivers.h"

/* Make a domain; it runs at the end, or is paused if so asked. *domain is open
 * at the end. XK_ERR_EXISTS: the name or UUID is taken. */
int xk_domain_create(struct xk_host *host,
                     const struct xk_domain_config *config, bool paused,
                     struct xk_domain *domain, struct xk_deadline deadline,
                     struct xk_error *err);

/* ---- steps, for policies, moves and recovery ---- */

/* Take name and UUID for a future domain of hv: create a record, locked, with
 * the configuration and BEGIN of `operation` in its journal. From here on
 * others see it. The caller owns the record. XK_ERR_EXISTS if name or UUID is
 * taken. */
struct xk_record *
xk_operation_reserve(struct xk_host *host, struct xk_hypervisor *hv,
                     const struct xk_domain_config *config,
                     const char *operation, const char *detail,
                     struct xk_deadline deadline, struct xk_error *err);

/* Build the machine of a domain whose record is there. On failure the caller
 * undoes all of it. */
typedef int xk_operation_build(struct xk_host *host, struct xk_domain *domain,
                               const struct xk_domain_config *config,
                               void *context, struct xk_deadline deadline,
                               struct xk_error *err);

/* Make a domain of that configuration: all of create but the checks. The record
 * is not locked at the end. build NULL: from its boot disk or kernel, and the
 * addresses of its cards are checked while its name is taken (mac_use.h). */
int xk_operation_create(struct xk_host *host, struct xk_hypervisor *hv,
                        const struct xk_domain_config *config,
                        xk_operation_build *build, void *context, bool paused,
                        struct xk_domain *domain, struct xk_deadline deadline,
                        struct xk_error *err);

/* Recover a create that was killed at any point: keep a domain that may have
 * been started, remove any other. */
int xk_operation_finish_create(struct xk_host *host, struct xk_domain *domain,
                               struct xk_deadline deadline,
                               struct xk_error *err);

#endif
