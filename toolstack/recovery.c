/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/recovery.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/create.h"
#include "toolstack/edit.h"
#include "toolstack/journal.h"
#include "toolstack/migration/reception.h"
#include "toolstack/migration/resolve.h"
#include "toolstack/migration/save.h"
#include "toolstack/operation.h"
#include "toolstack/policy.h"
#include "toolstack/remove.h"
#include "toolstack/rename.h"
#include "toolstack/reset.h"
#include "toolstack/seam/domain_ops.h"

enum {
    LEFT_MS = 2000, /* for a process of a killed verb to release its lock */
    RECOVERY_MS = 20000,
};

static int
recover_destroy(struct xk_host *host, struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err)
{
    (void)host;
    xk_warn("domain %s: its destroy was interrupted and is finished now",
            domain->record->uuid_text);
    return xk_operation_remove(domain, deadline, err);
}

typedef int recover_call(struct xk_host *host, struct xk_domain *domain,
                         struct xk_deadline deadline, struct xk_error *err);

static const struct recovery {
    const char *operation;
    recover_call *recover;
    /* Whether this xk knows an operation with such a detail; NULL: with any. */
    bool (*is_known)(const char *detail);
} recoveries[] = {
    {XK_OP_CREATE, xk_operation_finish_create, NULL},
    {XK_OP_DESTROY, recover_destroy, NULL},
    {XK_OP_RENAME, xk_operation_finish_rename, NULL},
    {XK_OP_RESTART, xk_operation_finish_restart, NULL},
    {XK_OP_REPLACE, xk_operation_finish_replace, NULL},
    {XK_OP_SAVE, xk_save_recover, NULL},
    {XK_OP_MIGRATE, xk_migrate_recover, NULL},
    {XK_OP_RECEIVE, xk_receive_recover, NULL},
    {XK_OP_EDIT, xk_operation_finish_edit, xk_edit_is_known},
    {XK_OP_DISKS, xk_operation_finish_disks, NULL},
    {XK_OP_RESET, xk_operation_finish_reset, NULL},
};

/* The journal is empty or missing: the record was just made and has no domain,
 * or the journal was lost. A domain that exists is kept. If it has stopped, a
 * person decides instead of its policy, because nobody knows what was done to
 * it. */
static int
recover_unknown(struct xk_host *host, struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_domain_info info;
    bool stopped;

    (void)host;
    if (xk_hv_get(domain->hv, domain, &info, deadline, err) == -1)
        return err->kind == XK_ERR_NOT_FOUND
                   ? xk_operation_remove_gone(domain, deadline, err)
                   : -1;
    stopped = info.state == XK_STATE_SHUTDOWN || info.state == XK_STATE_CRASHED;
    xk_domain_info_free(&info);
    xk_warn("domain %s: its journal is lost: it is kept as it is",
            domain->record->uuid_text);
    if (stopped && xk_journal_append(domain->record, XK_JOURNAL_NOTE,
                                     XK_NOTE_PRESERVED, NULL, err) == -1)
        return -1;
    return xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_CREATE, NULL,
                             err);
}

/* NULL: another version of xk began it. */
static recover_call *
find_recovery(const struct xk_journal_entry *begin, struct xk_error *err)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(recoveries); i++) {
        const struct recovery *row = &recoveries[i];

        if (strcmp(row->operation, begin->what) == 0 &&
            (row->is_known == NULL || row->is_known(begin->detail)))
            return row->recover;
    }
    xk_fail(err, XK_ERR_UNSUPPORTED,
            "another version of xk began an operation \"%.32s\", which this "
            "one does not know",
            begin->what);
    return NULL;
}

static int
recover_operation(struct xk_host *host, struct xk_domain *domain,
                  const struct xk_journal_entry *begin,
                  struct xk_deadline deadline, struct xk_error *err)
{
    recover_call *recover = find_recovery(begin, err);

    if (recover == NULL)
        return -1;
    xk_info("domain %s: recovering an interrupted %s",
            domain->record->uuid_text, begin->what);
    return recover(host, domain, deadline, err);
}

static int
check_known(const struct xk_record *record, struct xk_error *err)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    int r = 0;

    if (xk_journal_read(record, &journal, err) == -1)
        return 0;
    begin = xk_journal_unfinished(&journal);
    if (begin != NULL && find_recovery(begin, err) == NULL)
        r = -1;
    xk_journal_free(&journal);
    return r;
}

static int
recover_locked(struct xk_host *host, struct xk_hypervisor *hv,
               struct xk_record *record, struct xk_deadline deadline,
               struct xk_error *err)
{
    struct xk_domain domain = {
        .hv = hv, .uuid = record->uuid, .domid = -1, .record = record};
    struct xk_journal journal;
    const struct xk_journal_entry *begin;
    int r = 0;

    if (xk_journal_read(record, &journal, err) == -1)
        return -1;
    domain.name = xk_strdup(record->uuid_text);
    begin = xk_journal_unfinished(&journal);
    if (begin != NULL)
        r = recover_operation(host, &domain, begin, deadline, err);
    else if (journal.count == 0)
        r = recover_unknown(host, &domain, deadline, err);
    xk_journal_free(&journal);
    free(domain.name);
    return r;
}

static int
recover_domain(struct xk_host *host, struct xk_domain *domain,
               struct xk_deadline deadline, struct xk_error *err)
{
    return recover_locked(host, domain->hv, domain->record, deadline, err);
}

const struct xk_recovery xk_recoveries = {
    .check_known = check_known,
    .run = recover_domain,
};

/* ---- all records ---- */

/* Leave a record alone that another process works on. A process that was killed
 * may have left a child between fork and exec that still holds the lock. Wait
 * for that child, or a retried verb would find the record locked. */
static bool
lock_left(struct xk_host *host, struct xk_record *record,
          struct xk_deadline deadline)
{
    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(LEFT_MS));
    return xk_record_try_lock(record, host->verb, NULL) == 1 ||
           (xk_record_is_left_locked(record) &&
            xk_record_lock(record, host->verb, deadline, NULL) == 0);
}

/* A record that cannot be recovered must not block the others: warn, and leave
 * it for the next verb. */
static void
recover_one(struct xk_host *host, const struct xk_uuid *uuid,
            struct xk_deadline deadline)
{
    struct xk_error err = {0};
    XK_CLEANUP_RECORD struct xk_record *record = NULL;
    struct xk_hypervisor *hv;

    if (xk_journal_is_at_rest(&host->state, uuid))
        return;
    record = xk_record_open(&host->state, uuid, NULL);
    if (record == NULL || !xk_journal_is_unfinished(record))
        return;
    if (!lock_left(host, record, deadline))
        return;
    hv = xk_host_driver_of(host, record, &err);
    if (hv == NULL || check_known(record, &err) == -1)
        xk_host_warn_alone(uuid, &err);
    else if (xk_journal_is_unfinished(record) &&
             recover_locked(host, hv, record, deadline, &err) == -1)
        xk_warn("domain %s: an interrupted operation could not be recovered: "
                "%s",
                record->uuid_text, err.message);
}

/* Recovery that does not succeed must leave time for the verb. In between it
 * must drop the locks: a destroy may be waiting for one. */
int
xk_recover_all(struct xk_host *host, struct xk_deadline deadline, size_t *count,
               struct xk_error *err)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    int half_ms = xk_deadline_left_ms(deadline) / 2;

    xk_state_sweep(&host->state);
    if (xk_state_list(&host->state, &uuids, count, err) == -1)
        return -1;
    deadline = xk_deadline_min(
        deadline,
        xk_deadline_in_ms(half_ms < RECOVERY_MS ? half_ms : RECOVERY_MS));
    for (size_t i = 0; i < *count && xk_deadline_left_ms(deadline) > 0; i++)
        recover_one(host, &uuids[i], deadline);
    return 0;
}
