/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains in files: save and restore.
 *
 * A file is a FILE frame (who it is, its configuration, what it needs of a
 * host), the DATA frames of the hypervisor's stream, and DATA_END with their
 * hash. It is written beside its name, synced and renamed, and only then is
 * the domain taken away: killed at any point, there is the domain that goes
 * on, or a file that is whole.
 */
#ifndef XK_TOOLSTACK_MIGRATION_SAVE_H
#define XK_TOOLSTACK_MIGRATION_SAVE_H

#include "toolstack/host_drivers.h"
#include "toolstack/migration/compression.h"
#include "toolstack/seam/transfer_ops.h"

/* What becomes of the domain once it is saved. */
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
 * domain goes on, what was at path is as it was, and nothing is left. *bytes
 * (may be NULL): the length of the file. */
int xk_domain_save(struct xk_host *host, struct xk_domain *domain,
                   const char *path, const struct xk_save_options *options,
                   uint64_t *bytes, struct xk_deadline deadline,
                   struct xk_error *err);

/* For recovery (toolstack/recovery.c): an interrupted save is brought to its
 * end where its file is complete, else undone. */
int xk_save_recover(struct xk_host *host, struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);

/* The domain, which is locked, is about to be destroyed, and its save was
 * interrupted: the file that is not complete, the caller's; NULL: there is
 * none.
 */
char *xk_save_leftover(struct xk_domain *domain);

#endif
