/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain as it is told of in a frame: to a file, or to another host. */
#ifndef XK_TOOLSTACK_MIGRATION_MANIFEST_H
#define XK_TOOLSTACK_MIGRATION_MANIFEST_H

#include "toolstack/host_drivers.h"
#include "toolstack/seam/transfer_ops.h"

/* What a FILE or DOMAIN frame says. */
struct xk_manifest {
    struct xk_json *document; /* owns all else but config */
    struct xk_domain_config *config;
    const struct xk_json *needs;
    const char *hypervisor;
    bool runs; /* it was running, not paused */
};

/* Members of the object open in the writer. The domain is alive. copies: where
 * not NULL its disks go along, and which; the driver can do that. */
int xk_manifest_put(const struct xk_domain *domain,
                    const struct xk_domain_config *config, bool runs,
                    struct xk_copy_totals *copies,
                    struct xk_json_writer *writer, struct xk_deadline deadline,
                    struct xk_error *err);

/* Read the members; *json is taken on success. XK_ERR_PROTOCOL where something
 * is missing or cannot be, XK_ERR_UNSUPPORTED for a format that this xk does
 * not know. what is for messages. */
int xk_manifest_take(struct xk_json **json, const char *what,
                     struct xk_manifest *manifest, struct xk_error *err);
void xk_manifest_free(struct xk_manifest *manifest);
#define XK_CLEANUP_MANIFEST __attribute__((cleanup(xk_manifest_free)))

/* The driver that can take the domain over: XK_ERR_UNSUPPORTED for one of a
 * hypervisor that this host has not, or that was not named. */
struct xk_hypervisor *xk_manifest_driver(struct xk_host *host,
                                         const struct xk_manifest *manifest,
                                         struct xk_error *err);

/* Whether this host can have the domain, as that configuration, which may be
 * another than the manifest's, has it: XK_ERR_UNSUPPORTED as above,
 * XK_ERR_EXISTS where its name or UUID is taken; other reasons
 * against it are problems. shared: its disks may be in use where it comes
 * from. */
int xk_manifest_check(struct xk_host *host, const struct xk_manifest *manifest,
                      const struct xk_domain_config *config, bool shared,
                      struct xk_problems *problems, struct xk_deadline deadline,
                      struct xk_error *err);

#endif
