/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Save domains to files.
 *
 * A file is a FILE frame (the domain's identity, its configuration, what it
 * needs of a host), the DATA frames of the hypervisor's stream, and DATA_END
 * with their hash. It is written under a temporary name, synced and renamed,
 * and only then is the domain destroyed. So a kill at any point leaves a domain
 * that goes on, or a complete file.
 */
#ifndef XK_TOOLSTACK_MIGRATION_SAVE_H
#define XK_TOOLSTACK_MIGRATION_SAVE_H

#include "toolstack/host_drivers.h"
#include "toolstack/migration/compression.h"
#include "toolstack/seam/transfer_ops.h"

/* What happens to the domain once it is saved. */
enum xk_save_then {
    XK_SAVE_DESTROY,
    XK_SAVE_CONTINUE, /* it goes on as before */
    XK_SAVE_PAUSE,    /* it stays, paused */
};

struct xk_save_options {
    enum xk_save_then then;
    enum xk_compression compression;
    const struct xk_send_watch *watch; /* may be NULL */
};

/* Save a domain to `path`, which is replaced if it is a file. On failure the
 * domain goes on, the old file at path is unchanged, and nothing else is left.
 * *bytes (may be NULL) is the length of the file. */
int xk_domain_save(struct xk_host *host, struct xk_domain *domain,
                   const char *path, const struct xk_save_options *options,
                   uint64_t *bytes, struct xk_deadline deadline,
                   struct xk_error *err);

/* For recovery (toolstack/recovery.c): finish an interrupted save if its file
 * is complete, otherwise undo it. */
int xk_save_recover(struct xk_host *host, struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);

/* Returns the incomplete file of an interrupted save, owned by the caller; NULL
 * if there is none. For destroy, with the domain's record locked. */
char *xk_save_leftover(struct xk_domain *domain);

#endif
