/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps of operations that recovery, policies and moves share; of no use
 * outside toolstack. But for the first, they are called with the domain's
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
#define XK_OP_SAVE "save"
#define XK_OP_MIGRATE "migrate"
#define XK_OP_RECEIVE "receive"
#define XK_OP_DISKS "disks"
#define XK_OP_RESET "reset" /* detail: the state that the guest was in */

/* Undoing must not be cut short by the deadline that made it needed. */
enum {
    XK_UNDO_MS = 20000,
    XK_LOOK_MS = 5000, /* at one domain */
};

/* Verbs that are processes of their own. */
#define XK_VERB_MONITOR "monitor"
#define XK_VERB_WORKER "domain-event"

/* Notes in the journal. */
#define XK_NOTE_PRESERVED "preserved"

/* What create does last (XK_JOURNAL_INTENT): a domain that may have been
 * started is not taken back by recovery. */
#define XK_EFFECT_START "start"

/* Lock the record of a domain for host->verb; a domain that has none needs no
 * lock. An interrupted operation found under the lock is brought to its end
 * first; where that fails it is XK_ERR_BUSY, or XK_ERR_TIMEOUT. */
int xk_operation_lock(struct xk_host *host, struct xk_domain *domain,
                      struct xk_deadline deadline, struct xk_error *err);

/* The same for who ends the domain: no interrupted operation stands in the
 * way. */
int xk_operation_lock_to_end(struct xk_host *host, struct xk_domain *domain,
                             struct xk_deadline deadline, struct xk_error *err);

/* Finish or undo what was interrupted, which is of a known kind. The domain may
 * be gone afterwards, or be another one. */
int xk_operation_recover(struct xk_host *host, struct xk_domain *domain,
                         struct xk_deadline deadline, struct xk_error *err);

/* What its policy has done: see xk_journal_starts(). window_ms 0: all in all.
 * 0 where the journal cannot be read. */
unsigned xk_operation_starts(const struct xk_record *record, int64_t window_ms);

/* Whether a record has that name. */
bool xk_operation_is_recorded(struct xk_host *host, const char *name);

/* XK_ERR_UNSUPPORTED where the unfinished operation of a record is of a kind
 * that recovery does not know: another version of xk began it. */
int xk_operation_check_known(const struct xk_record *record,
                             struct xk_error *err);

/* The tables of the drivers there are, by number; NULL after the last one. */
const struct xk_hypervisor_ops *xk_host_ops(const struct xk_host *host,
                                            size_t number);

/* The one whose domain a record is, without opening the driver: errors as of
 * xk_host_driver_of(), and XK_ERR_NOT_FOUND. */
const struct xk_hypervisor_ops *xk_host_owner(struct xk_host *host,
                                              const struct xk_uuid *uuid,
                                              struct xk_error *err);

/* Warn of a record that is left alone: err says why. */
void xk_operation_warn_alone(const struct xk_uuid *uuid,
                             const struct xk_error *err);

/* It has stopped and will not be started again, however long one waits. */
bool xk_operation_is_preserved(const struct xk_record *record);

/* Tear the domain down and remove its record. */
int xk_operation_remove(struct xk_host *host, struct xk_domain *domain,
                        struct xk_deadline deadline, struct xk_error *err);

/* The same for a domain that has a record, and that its driver says does not
 * exist (XK_ERR_NOT_FOUND): it is said, and noted as a destroy. */
int xk_operation_remove_gone(struct xk_host *host, struct xk_domain *domain,
                             struct xk_deadline deadline, struct xk_error *err);

/* From any point of a create to its end: a domain that may have been started
 * is kept, any other removed. */
int xk_operation_finish_create(struct xk_host *host, struct xk_domain *domain,
                               struct xk_deadline deadline,
                               struct xk_error *err);

/* Make the hypervisor's name that of the record and end the operation. */
int xk_operation_finish_rename(struct xk_host *host, struct xk_domain *domain,
                               struct xk_deadline deadline,
                               struct xk_error *err);

/* Reset it once more if it stands still, let it go on if it had run, and end
 * the operation. */
int xk_operation_finish_reset(struct xk_host *host, struct xk_domain *domain,
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

/* Before a domain is destroyed whose rename-restart was interrupted: end what
 * the hypervisor still knows by its old UUID. */
void xk_operation_end_replaced(struct xk_host *host, struct xk_domain *domain,
                               struct xk_deadline deadline);

/* Take name and UUID for a domain of hv to be: a new record, locked, with the
 * configuration and BEGIN of `operation` in its journal. From here on others
 * see it. XK_ERR_EXISTS where either is taken. */
struct xk_record *
xk_operation_reserve(struct xk_host *host, struct xk_hypervisor *hv,
                     const struct xk_domain_config *config,
                     const char *operation, const char *detail,
                     struct xk_deadline deadline, struct xk_error *err);

/* How a domain comes to be once its record is there; on failure all of it is
 * undone by the caller. */
typedef int xk_operation_build(struct xk_host *host, struct xk_domain *domain,
                               const struct xk_domain_config *config,
                               void *context, struct xk_deadline deadline,
                               struct xk_error *err);

/* Make a domain of that configuration: the whole of create but the checks.
 * The record is not locked at the end. build NULL: from its boot disk or
 * kernel. */
int xk_operation_create(struct xk_host *host, struct xk_hypervisor *hv,
                        const struct xk_domain_config *config,
                        xk_operation_build *build, void *context, bool paused,
                        struct xk_domain *domain, struct xk_deadline deadline,
                        struct xk_error *err);

/* Remove what a failed operation built, within a time of its own; a failure is
 * a warning. */
void xk_operation_undo(struct xk_host *host, struct xk_domain *domain);

/* Refuse what would make a domain of that name and UUID another's double, on
 * any driver: a name that a domain has, a UUID that one has, a name that is the
 * UUID of another, or the other way round. XK_ERR_EXISTS. */
int xk_operation_check_free(struct xk_host *host, const char *name,
                            const struct xk_uuid *uuid,
                            struct xk_deadline deadline, struct xk_error *err);

/* The same for a domain that is there already and gets another name. */
int xk_operation_check_name(struct xk_host *host, const char *name,
                            const struct xk_uuid *self,
                            struct xk_deadline deadline, struct xk_error *err);

/* XK_ERR_STATE for a domain that is neither running nor paused; *running (may
 * be NULL) is which. */
int xk_operation_need_alive(struct xk_host *host, struct xk_domain *domain,
                            bool *running, struct xk_deadline deadline,
                            struct xk_error *err);

/* Close what is open of them. */
void xk_host_close_drivers(struct xk_host *host);

/* Start a monitor if there is none; failure is a warning. */
void xk_host_need_monitor(struct xk_host *host);

#endif
