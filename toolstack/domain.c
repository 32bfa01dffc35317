/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/domain.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "toolstack/journal.h"
#include "toolstack/migration/migrate.h"
#include "toolstack/migration/save.h"
#include "toolstack/operations.h"
#include "toolstack/seam/domain_ops.h"

enum {
    TIME_SIZE = 32,
    AGAIN_MS = 50,
    RECOVERY_AGAIN_MS = 60000, /* a save may wait for ever, but not for this */
    RESET_MS = 1000,           /* a hypervisor that answers does it in a few */
};

/* ---- journals ---- */

unsigned
xk_operation_starts(const struct xk_record *record, int64_t window_ms)
{
    struct xk_journal journal;
    unsigned starts;

    if (xk_journal_read(record, &journal, NULL) == -1)
        return 0;
    starts = window_ms == 0 ? xk_journal_starts(&journal)
                            : xk_journal_starts_within(&journal, window_ms);
    xk_journal_free(&journal);
    return starts;
}

/* A journal that cannot be read may say so. */
bool
xk_operation_is_preserved(const struct xk_record *record)
{
    struct xk_journal journal;
    unsigned notes;

    if (record == NULL)
        return false;
    if (xk_journal_read(record, &journal, NULL) == -1)
        return true;
    notes =
        xk_journal_count(&journal, XK_JOURNAL_NOTE, XK_NOTE_PRESERVED, NULL);
    xk_journal_free(&journal);
    return notes > 0;
}

/* ---- locking ---- */

/* A domain without a record cannot be locked: its own toolstack does that. */
int
xk_operation_lock_to_end(struct xk_host *host, struct xk_domain *domain,
                         struct xk_deadline deadline, struct xk_error *err)
{
    if (domain->record == NULL)
        return 0;
    if (xk_record_lock(domain->record, host->verb, deadline, err) == -1)
        return xk_wrap(err, "domain \"%s\"", domain->name);
    return 0;
}

static void
format_time(int64_t time_ms, char text[TIME_SIZE])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm utc = {0};

    gmtime_r(&seconds, &utc);
    strftime(text, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* What stands in the way, for people. The caller's. */
static char *
describe_unfinished(const struct xk_journal *journal)
{
    const struct xk_journal_entry *begin = xk_journal_unfinished(journal);
    char since[TIME_SIZE];

    if (begin == NULL)
        return xk_strdup("an operation that its journal does not name");
    format_time(begin->time_ms, since);
    return xk_asprintf("its %s, begun %s,", begin->what, since);
}

static int
fail_unfinished(const struct xk_domain *domain, const struct xk_error *why,
                struct xk_error *err)
{
    XK_CLEANUP_FREE char *what = NULL;
    struct xk_journal journal;

    if (xk_journal_read(domain->record, &journal, err) == -1)
        return xk_wrap(err, "domain \"%s\"", domain->name);
    what = describe_unfinished(&journal);
    xk_journal_free(&journal);
    return xk_fail(err,
                   why->kind == XK_ERR_TIMEOUT ? XK_ERR_TIMEOUT : XK_ERR_BUSY,
                   "domain \"%s\": %s was interrupted and is not finished: "
                   "%s; try again, or end the domain with \"xk destroy %s\"",
                   domain->name, what, why->message, domain->name);
}

/* The holder was killed while we waited, or recovery had failed before. */
static int
finish_interrupted(struct xk_host *host, struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error why = {0};

    if (xk_operation_check_known(domain->record, err) == -1)
        return xk_wrap(err, "domain \"%s\"", domain->name);
    if (xk_operation_recover(host, domain, deadline, &why) == -1)
        return fail_unfinished(domain, &why, err);
    if (!xk_uuid_equal(&domain->uuid, &domain->record->uuid))
        return xk_fail(err, XK_ERR_BUSY,
                       "domain \"%s\" has another UUID by now: try again",
                       domain->name);
    xk_record_unlock(domain->record);
    return xk_operation_lock_to_end(host, domain, deadline, err);
}

static int
lock_once(struct xk_host *host, struct xk_domain *domain,
          struct xk_deadline deadline, struct xk_error *err)
{
    int r;

    if (xk_operation_lock_to_end(host, domain, deadline, err) == -1)
        return -1;
    if (domain->record == NULL || !xk_journal_is_unfinished(domain->record))
        return 0;
    if (xk_migrate_in_doubt(domain->record))
        r = xk_fail(err, XK_ERR_STATE,
                    "domain \"%s\" is in doubt: it was handed to another "
                    "host, which has not said that it runs there; \"xk "
                    "migrate --resolve\" asks it",
                    domain->name);
    else
        r = finish_interrupted(host, domain, deadline, err);
    if (r == -1)
        xk_record_unlock(domain->record);
    return r;
}

/* Whether a reset was begun and is not finished, and then whether the guest ran
 * before. */
static bool
find_reset(const struct xk_record *record, bool *ran)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    bool found;

    *ran = false;
    if (record == NULL || xk_journal_read(record, &journal, NULL) == -1)
        return false;
    begin = xk_journal_unfinished(&journal);
    found = begin != NULL && strcmp(begin->what, XK_OP_RESET) == 0;
    *ran = found && begin->detail != NULL &&
           strcmp(begin->detail, xk_domain_state_name(XK_STATE_RUNNING)) == 0;
    xk_journal_free(&journal);
    return found;
}

/* A reset is given less time than the verb has, and lets go of the domain, for
 * who would end it. It may succeed later, as where a hypervisor hangs and goes
 * on; nobody tells of that. */
int
xk_operation_lock(struct xk_host *host, struct xk_domain *domain,
                  struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_deadline patience =
        xk_deadline_min(deadline, xk_deadline_in_ms(RECOVERY_AGAIN_MS));
    struct xk_error why = {0};
    bool ran;
    int r;

    while ((r = lock_once(host, domain, deadline, &why)) == -1 &&
           why.kind == XK_ERR_TIMEOUT && find_reset(domain->record, &ran) &&
           xk_deadline_pause(patience, AGAIN_MS))
        continue;
    return r == 0 ? 0 : xk_fail(err, why.kind, "%s", why.message);
}

static void
unlock(struct xk_domain *domain)
{
    if (domain->record != NULL)
        xk_record_unlock(domain->record);
}

static int
note(struct xk_domain *domain, enum xk_journal_kind kind, const char *what,
     struct xk_error *err)
{
    if (domain->record == NULL)
        return 0;
    return xk_journal_append(domain->record, kind, what, NULL, err);
}

/* ---- the small operations ---- */

int
xk_operation_remove(struct xk_host *host, struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err)
{
    (void)host;
    if (xk_hv_teardown(domain->hv, domain, deadline, err) == -1)
        return -1;
    return domain->record == NULL ? 0 : xk_record_remove(domain->record, err);
}

/* By another toolstack, or with its process. What ends a domain is noted before
 * it is done. */
int
xk_operation_remove_gone(struct xk_host *host, struct xk_domain *domain,
                         struct xk_deadline deadline, struct xk_error *err)
{
    xk_warn("domain %s: there is no machine of it any more: its record is "
            "removed",
            domain->record->uuid_text);
    if (note(domain, XK_JOURNAL_BEGIN, XK_OP_DESTROY, err) == -1)
        return -1;
    return xk_operation_remove(host, domain, deadline, err);
}

void
xk_operation_undo(struct xk_host *host, struct xk_domain *domain)
{
    struct xk_error err = {0};

    if (xk_operation_remove(host, domain, xk_deadline_in_ms(XK_UNDO_MS),
                            &err) == -1)
        xk_warn("domain \"%s\": undoing its creation failed: %s", domain->name,
                err.message);
}

int
xk_domain_destroy(struct xk_host *host, struct xk_domain *domain,
                  struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *leftover = NULL;
    int r;

    if (xk_operation_lock_to_end(host, domain, deadline, err) == -1)
        return -1;
    leftover = xk_save_leftover(domain);
    r = note(domain, XK_JOURNAL_BEGIN, XK_OP_DESTROY, err);
    if (r == 0) {
        xk_operation_end_replaced(host, domain, deadline);
        r = xk_operation_remove(host, domain, deadline, err);
    }
    /* Last: it may be on a server that does not answer. */
    if (r == 0 && leftover != NULL)
        unlink(leftover);
    unlock(domain);
    return r;
}

/* Refuse what makes no sense in the state the domain is in. */
int
xk_operation_need_alive(struct xk_host *host, struct xk_domain *domain,
                        bool *running, struct xk_deadline deadline,
                        struct xk_error *err)
{
    struct xk_domain_info info;
    enum xk_domain_state state;

    if (xk_domain_get(host, domain, &info, deadline, err) == -1)
        return -1;
    state = info.state;
    xk_domain_info_free(&info);
    if (running != NULL)
        *running = state == XK_STATE_RUNNING;
    if (state == XK_STATE_RUNNING || state == XK_STATE_PAUSED)
        return 0;
    return xk_fail(err, XK_ERR_STATE, "domain \"%s\" is in state \"%s\"",
                   domain->name, xk_domain_state_name(state));
}

typedef int driver_call(struct xk_hypervisor *hv,
                        const struct xk_domain *domain,
                        struct xk_deadline deadline, struct xk_error *err);

static int
call_locked(struct xk_host *host, struct xk_domain *domain, driver_call *call,
            struct xk_deadline deadline, struct xk_error *err)
{
    int r;

    if (xk_operation_lock(host, domain, deadline, err) == -1)
        return -1;
    r = xk_operation_need_alive(host, domain, NULL, deadline, err);
    if (r == 0)
        r = call(domain->hv, domain, deadline, err);
    unlock(domain);
    return r;
}

int
xk_domain_pause(struct xk_host *host, struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err)
{
    return call_locked(host, domain, xk_hv_pause, deadline, err);
}

int
xk_domain_unpause(struct xk_host *host, struct xk_domain *domain,
                  struct xk_deadline deadline, struct xk_error *err)
{
    return call_locked(host, domain, xk_hv_unpause, deadline, err);
}

int
xk_domain_signal(struct xk_host *host, struct xk_domain *domain,
                 enum xk_signal signal, bool acpi_fallback,
                 struct xk_deadline deadline, struct xk_error *err)
{
    int r;

    if (xk_operation_lock(host, domain, deadline, err) == -1)
        return -1;
    if (domain->record != NULL)
        domain->starts = xk_operation_starts(domain->record, 0);
    r = xk_operation_need_alive(host, domain, NULL, deadline, err);
    if (r == 0)
        r = xk_hv_signal(domain->hv, domain, signal, acpi_fallback, deadline,
                         err);
    unlock(domain);
    return r;
}

/* ---- reset ---- */

/* A driver may stop the guest for a reset. Who was killed over it, or had no
 * answer in time, may have told it to stop, which comes to pass later: so one
 * that runs is told to go on as well. */
static int
end_reset(struct xk_domain *domain, bool ran, bool again,
          struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_hypervisor *hv = domain->hv;
    struct xk_domain_info info = {.state = XK_STATE_SHUTDOWN};
    struct xk_error why = {0};
    enum xk_domain_state state;

    if (xk_hv_get(hv, domain, &info, deadline, &why) == -1 &&
        why.kind != XK_ERR_NOT_FOUND)
        return xk_fail(err, why.kind, "%s", why.message);
    state = info.state;
    xk_domain_info_free(&info);
    if (again && state == XK_STATE_PAUSED &&
        xk_hv_reset(hv, domain, deadline, &why) == -1)
        xk_warn("domain \"%s\": its reset was interrupted, and fails: %s",
                domain->name, why.message);
    if (ran && (state == XK_STATE_PAUSED || state == XK_STATE_RUNNING) &&
        xk_hv_unpause(hv, domain, deadline, err) == -1)
        return -1;
    return note(domain, XK_JOURNAL_END, XK_OP_RESET, err);
}

int
xk_operation_finish_reset(struct xk_host *host, struct xk_domain *domain,
                          struct xk_deadline deadline, struct xk_error *err)
{
    bool ran;

    (void)host;
    /* Not longer than that: who wants to end the domain waits for its lock. */
    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(RESET_MS));
    (void)find_reset(domain->record, &ran);
    return end_reset(domain, ran, true, deadline, err);
}

/* Where it fails and the guest cannot be told to go on, recovery does that. */
static int
reset_locked(struct xk_host *host, struct xk_domain *domain,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_hypervisor *hv = domain->hv;
    bool ran;

    if (xk_operation_need_alive(host, domain, &ran, deadline, err) == -1)
        return -1;
    if (domain->record == NULL)
        return xk_hv_reset(hv, domain, deadline, err);
    if (xk_journal_append(
            domain->record, XK_JOURNAL_BEGIN, XK_OP_RESET,
            xk_domain_state_name(ran ? XK_STATE_RUNNING : XK_STATE_PAUSED),
            err) == -1)
        return -1;
    if (xk_hv_reset(hv, domain, deadline, err) == 0)
        return note(domain, XK_JOURNAL_END, XK_OP_RESET, err);
    end_reset(domain, ran, false, deadline, NULL);
    return -1;
}

int
xk_domain_reset(struct xk_host *host, struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err)
{
    int r;

    if (xk_operation_lock(host, domain, deadline, err) == -1)
        return -1;
    r = reset_locked(host, domain, deadline, err);
    unlock(domain);
    return r;
}

/* ---- rename ---- */

int
xk_operation_finish_rename(struct xk_host *host, struct xk_domain *domain,
                           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain->record, err);

    (void)host;
    if (config == NULL ||
        xk_hv_rename(domain->hv, domain, config->name, deadline, err) == -1)
        return -1;
    return note(domain, XK_JOURNAL_END, XK_OP_RENAME, err);
}

static int
rename_record(struct xk_host *host, struct xk_domain *domain, const char *name,
              struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;

    if (domain->record == NULL)
        return xk_hv_rename(domain->hv, domain, name, deadline, err);
    config = xk_record_load_config(domain->record, err);
    if (config == NULL)
        return -1;
    free(config->name);
    config->name = xk_strdup(name);
    if (note(domain, XK_JOURNAL_BEGIN, XK_OP_RENAME, err) == -1 ||
        xk_record_save_config(domain->record, config, err) == -1)
        return -1;
    return xk_operation_finish_rename(host, domain, deadline, err);
}

/* As of a verb that was killed and is tried again. */
static bool
has_name(const struct xk_domain *domain, const char *name)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        domain->record == NULL ? NULL
                               : xk_record_load_config(domain->record, NULL);

    return config != NULL && strcmp(config->name, name) == 0;
}

static int
rename_locked(struct xk_host *host, struct xk_domain *domain, const char *name,
              struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int names = xk_state_lock(&host->state, deadline, err);

    if (names == -1)
        return -1;
    if (has_name(domain, name))
        return 0;
    if (xk_operation_check_name(host, name, &domain->uuid, deadline, err) == -1)
        return -1;
    return rename_record(host, domain, name, deadline, err);
}

int
xk_domain_rename(struct xk_host *host, struct xk_domain *domain,
                 const char *name, struct xk_deadline deadline,
                 struct xk_error *err)
{
    int r;

    if (xk_domain_name_check(name, err) == -1 ||
        xk_operation_lock(host, domain, deadline, err) == -1)
        return -1;
    r = rename_locked(host, domain, name, deadline, err);
    unlock(domain);
    if (r == 0) {
        free(domain->name);
        domain->name = xk_strdup(name);
    }
    return r;
}

/* ---- waiting ---- */

enum {
    GONE = 2
};

/* 1: it happened, or GONE; 0: not yet; -1: error. */
static int
has_happened(struct xk_host *host, struct xk_domain *domain,
             enum xk_wait_for what, enum xk_stop_reason *reason,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_domain_info info;
    bool stopped, running;

    if (xk_domain_get(host, domain, &info, deadline, err) == -1)
        return err->kind == XK_ERR_NOT_FOUND ? GONE : -1;
    stopped = info.state == XK_STATE_SHUTDOWN || info.state == XK_STATE_CRASHED;
    running = info.state == XK_STATE_RUNNING;
    if (stopped && reason != NULL)
        *reason = info.stop_reason;
    xk_domain_info_free(&info);
    if (what == XK_WAIT_DESTROYED)
        return 0;
    if (stopped &&
        (what == XK_WAIT_STOPPED || xk_operation_is_preserved(domain->record)))
        return 1;
    /* A policy that is quick may have started it again between two looks. */
    return running && domain->record != NULL &&
           xk_operation_starts(domain->record, 0) > domain->starts;
}

/* The hypervisor has it no more; who removes it may not have done with what it
 * had on the host, nor have given back its name. */
static void
await_removal(struct xk_host *host, struct xk_domain *domain,
              struct xk_deadline deadline)
{
    if (domain->record != NULL &&
        xk_record_lock(domain->record, host->verb, deadline, NULL) == 0)
        xk_record_unlock(domain->record);
}

/* A driver only knows that nothing came. */
static int
fail_to_wait(const struct xk_domain *domain, enum xk_wait_for what,
             struct xk_deadline deadline, struct xk_error *err)
{
    static const char *const verbs[] = {
        [XK_WAIT_STOPPED] = "stop",
        [XK_WAIT_DESTROYED] = "go away",
        [XK_WAIT_REBOOTED] = "start again",
    };

    if (err->kind != XK_ERR_TIMEOUT || xk_deadline_left_ms(deadline) > 0)
        return xk_wrap(err, "wait for domain \"%s\"", domain->name);
    return xk_fail(err, XK_ERR_TIMEOUT,
                   "domain \"%s\" did not %s in time; it may "
                   "still do so",
                   domain->name, verbs[what]);
}

int
xk_domain_wait(struct xk_host *host, struct xk_domain *domain,
               enum xk_wait_for what, enum xk_stop_reason *reason,
               struct xk_deadline deadline, struct xk_error *err)
{
    uint64_t cookie = 0;

    for (;;) {
        int r = has_happened(host, domain, what, reason, deadline, err);

        if (r == GONE)
            await_removal(host, domain, deadline);
        if (r != 0)
            return r == -1 ? -1 : 0;
        r = xk_hv_wait(domain->hv, domain, &cookie, deadline, err);
        if (r == 0 && xk_deadline_left_ms(deadline) == 0)
            r = xk_fail(err, XK_ERR_TIMEOUT, "it changes all the time");
        if (r == -1 && err->kind != XK_ERR_NOT_FOUND)
            return fail_to_wait(domain, what, deadline, err);
    }
}
