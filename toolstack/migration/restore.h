/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Restore a domain from a file. toolstack/migration/save.h describes its
 * format. */
#ifndef XK_TOOLSTACK_MIGRATION_RESTORE_H
#define XK_TOOLSTACK_MIGRATION_RESTORE_H

#include "toolstack/host_drivers.h"
#include "toolstack/seam/transfer_ops.h"

struct xk_restore_options {
    bool paused;
    const struct xk_domain_config *config; /* instead of the file's; may be
                                              NULL */
    const struct xk_send_watch *watch;     /* may be NULL */
};

/* Create a domain from a file, which stays. It was written by xk_domain_save(),
 * or by another toolstack of the hypervisor (read_foreign() of the driver). On
 * success *domain is open. On failure nothing is left. */
int xk_domain_restore(struct xk_host *host, const char *path,
                      const struct xk_restore_options *options,
                      struct xk_domain *domain, struct xk_deadline deadline,
                      struct xk_error *err);

#endif
