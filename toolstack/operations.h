/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps of operations that recovery and policies share; of no use outside
 * toolstack. But for the first, they are called with the domain's
 * record locked. */
#ifndef XK_TOOLSTACK_OPERATIONS_H
#define XK_TOOLSTACK_OPERATIONS_H

#include "toolstack/domain.h"
#include "toolstack/journal.h"

/* Names of operations in the journal. */
#define XK_OP_CREATE "create"
#define XK_OP_DESTROY "destroy"
#define XK_OP_RENAME "rename"
#define XK_OP_RESTART "restart"
#define XK_OP_REPLACE "rename-restart"

/* Verbs that are processes of their own. */
#define XK_VERB_MONITOR "monitor"
#define XK_VERB_WORKER "domain-event"

/* Notes in the journal. */
#define XK_NOTE_PRESERVED "preserved"

/* Lock the record of a domain for host->verb; a domain that has none needs no
 * lock. An interrupted operation found under the lock is XK_ERR_BUSY. */
int xk_operation_lock(struct xk_host *host, struct xk_domain *domain,
                      struct xk_deadline deadline, struct xk_error *err);

/* Entries of the journal; 0 where it cannot be read. */
unsigned xk_operation_count(const struct xk_record *record,
                            enum xk_journal_kind kind, const char *what,
                            int64_t since_ms);

/* Tear the domain down and remove its record. */
int xk_operation_remove(struct xk_host *host, struct xk_domain *domain,
                        struct xk_deadline deadline, struct xk_error *err);

/* Make the hypervisor's name that of the record and end the operation. */
int xk_operation_finish_rename(struct xk_host *host, struct xk_domain *domain,
                               struct xk_deadline deadline,
                               struct xk_error *err);

/* Start the domain again and end the operation. */
int xk_operation_finish_restart(struct xk_host *host, struct xk_domain *domain,
                                struct xk_deadline deadline,
                                struct xk_error *err);

/* From any point of a rename-restart to its end: see toolstack/policy.c. */
int xk_operation_finish_replace(struct xk_host *host, struct xk_domain *domain,
                                struct xk_deadline deadline,
                                struct xk_error *err);

/* Make a domain of that configuration: the whole of create but the checks.
 * The record is not locked at the end. */
int xk_operation_create(struct xk_host *host,
                        const struct xk_domain_config *config, bool paused,
                        struct xk_domain *domain, struct xk_deadline deadline,
                        struct xk_error *err);

/* Start a monitor if there is none; failure is a warning. */
void xk_host_need_monitor(struct xk_host *host);

#endif
