/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The beginning of every operation on a domain that exists: lock its record,
 * finish what was interrupted, and check that the operation makes sense.
 */
#ifndef XK_TOOLSTACK_OPERATION_H
#define XK_TOOLSTACK_OPERATION_H

#include "toolstack/host_drivers.h"

/* How the lock finishes what was interrupted. recovery.c calls every operation,
 * and every operation calls the lock, so the lock cannot include recovery.h:
 * the host carries the table to it. */
struct xk_recovery {
    /* XK_ERR_UNSUPPORTED if the unfinished operation of a record is of a kind
     * that recovery does not know: another version of xk began it. */
    int (*check_known)(const struct xk_record *record, struct xk_error *err);

    /* Finish or undo the interrupted operation, which is of a known kind. The
     * record is locked. The domain may be gone afterwards, or have another
     * UUID. */
    int (*run)(struct xk_host *host, struct xk_domain *domain,
               struct xk_deadline deadline, struct xk_error *err);
};

/* Lock the record of a domain for host->verb; a domain without a record needs
 * no lock, because its own toolstack locks it. An interrupted operation found
 * under the lock is brought to its end first; if that fails, the error is
 * XK_ERR_BUSY, or XK_ERR_TIMEOUT. */
int xk_operation_lock(struct xk_host *host, struct xk_domain *domain,
                      struct xk_deadline deadline, struct xk_error *err);

/* The same for a caller that ends the domain: no interrupted operation stands
 * in its way. */
int xk_operation_lock_to_end(struct xk_host *host, struct xk_domain *domain,
                             struct xk_deadline deadline, struct xk_error *err);

/* Drop the lock; nothing for a domain without a record. */
void xk_operation_unlock(struct xk_domain *domain);

/* XK_ERR_STATE for a domain that is neither running nor paused; *running (may
 * be NULL): it runs. */
int xk_operation_need_alive(struct xk_host *host, struct xk_domain *domain,
                            bool *running, struct xk_deadline deadline,
                            struct xk_error *err);

#endif
