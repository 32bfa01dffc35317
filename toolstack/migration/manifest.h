/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The description of a domain in a FILE or DOMAIN frame. */
#ifndef XK_TOOLSTACK_MIGRATION_MANIFEST_H
#define XK_TOOLSTACK_MIGRATION_MANIFEST_H

#include "toolstack/host_drivers.h"
#include "toolstack/seam/transfer_ops.h"

/* The content of a FILE or DOMAIN frame. */
struct xk_manifest {
    struct xk_json *document; /* owns everything but config */
    struct xk_domain_config *config;
    const struct xk_json *needs;
    const char *hypervisor;
    bool runs; /* it was running, not paused */
};

/* Write the members into the writer's open object. The domain must be alive.
 * copies: if not NULL, describe its disks for copying and fill the totals; the
 * driver must support that. */
int xk_manifest_put(const struct xk_domain *domain,
                    const struct xk_domain_config *config, bool runs,
                    struct xk_copy_totals *copies,
                    struct xk_json_writer *writer, struct xk_deadline deadline,
                    struct xk_error *err);

/* Parse the members. On success the manifest takes ownership of *json.
 * XK_ERR_PROTOCOL if a member is missing or invalid, XK_ERR_UNSUPPORTED if the
 * format is unknown to this xk. what names the source in messages. */
int xk_manifest_take(struct xk_json **json, const char *what,
                     struct xk_manifest *manifest, struct xk_error *err);
void xk_manifest_free(struct xk_manifest *manifest);
#define XK_CLEANUP_MANIFEST __attribute__((cleanup(xk_manifest_free)))

/* Returns the driver that can take the domain over. XK_ERR_UNSUPPORTED if this
 * host lacks the domain's hypervisor, or another one was asked for. */
struct xk_hypervisor *xk_manifest_driver(struct xk_host *host,
                                         const struct xk_manifest *manifest,
                                         struct xk_error *err);

/* Check whether this host can take the domain with that configuration, which
 * may differ from the manifest's. XK_ERR_UNSUPPORTED as above, XK_ERR_EXISTS if
 * its name or UUID is taken; other reasons are added to *problems. shared: the
 * disks may still be in use at the source. */
int xk_manifest_check(struct xk_host *host, const struct xk_manifest *manifest,
                      const struct xk_domain_config *config, bool shared,
                      struct xk_problems *problems, struct xk_deadline deadline,
                      struct xk_error *err);

#endif
