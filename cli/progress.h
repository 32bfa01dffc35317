/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Show the progress of a save, restore or move on standard error, and let a
 * person cancel it: SIGINT, SIGTERM or SIGHUP cancels the operation, which
 * rolls back, instead of ending the process. */
#ifndef XK_CLI_PROGRESS_H
#define XK_CLI_PROGRESS_H

#include "cli/invocation.h"
#include "toolstack/seam/transfer_ops.h"

struct xk_progress {
    const struct xk_invocation *invocation;
    const char *domain;
    const char *step; /* "saving" */
    int64_t started_ns;
    int64_t shown_ns;
    struct xk_send_watch watch; /* for the operation */
};

/* domain may be NULL if its name is not known. The struct must outlive the
 * operation. */
void xk_progress_start(struct xk_progress *progress,
                       const struct xk_invocation *invocation,
                       const char *domain, const char *step);

/* Erase the line, and restore the signal handlers. */
void xk_progress_end(struct xk_progress *progress);

#endif
