/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/operation.h"

#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"
#include "toolstack/record_facts.h"

enum {
    TIME_SIZE = 32,
    AGAIN_MS = 50,
    RECOVERY_AGAIN_MS = 60000, /* a save has no deadline, but must not wait for
                                  ever for a recovery */
};

/* A domain without a record cannot be locked here: its own toolstack locks it.
 */
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

/* Describe the unfinished operation for people. The caller frees the text. */
static char *
describe_unfinished(const struct xk_journal *journal)
{
    const struct xk_journal_entry *begin = xk_journal_unfinished(journal);
    char since[TIME_SIZE];

    if (begin == NULL)
        return xk_strdup("an operation that its journal does not name");
    format_time(begin->time_ms, since);
    if (strcmp(begin->what, XK_OP_EDIT) == 0 && begin->detail != NULL)
        return xk_asprintf("the change of its %s, begun %s,", begin->detail,
                           since);
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

/* The holder of the lock was killed while we waited, or an earlier recovery
 * failed. */
static int
finish_interrupted(struct xk_host *host, struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error why = {0};

    if (host->recovery->check_known(domain->record, err) == -1)
        return xk_wrap(err, "domain \"%s\"", domain->name);
    if (host->recovery->run(host, domain, deadline, &why) == -1)
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
    if (xk_record_is_in_doubt(domain->record))
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

/* Recovery of a reset gets less time than the verb has and then drops the lock,
 * so that a destroy can take it. It may succeed later, when a hypervisor that
 * hung goes on; no event reports that, so try again. */
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
           why.kind == XK_ERR_TIMEOUT &&
           xk_record_has_reset(domain->record, &ran) &&
           xk_deadline_pause(patience, AGAIN_MS))
        continue;
    return r == 0 ? 0 : xk_fail(err, why.kind, "%s", why.message);
}

void
xk_operation_unlock(struct xk_domain *domain)
{
    if (domain->record != NULL)
        xk_record_unlock(domain->record);
}

/* Refuse an operation that makes no sense in the domain's state. */
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
