/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/wait.h"

#include <assert.h>

#include "base/util.h"
#include "toolstack/list.h"
#include "toolstack/record_facts.h"
#include "toolstack/seam/domain_ops.h"

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
        (what == XK_WAIT_STOPPED || xk_record_is_preserved(domain->record)))
        return 1;
    /* A quick policy may have started the domain again since the last check. */
    return running && domain->record != NULL &&
           xk_record_starts(domain->record, 0) > domain->starts;
}

/* The hypervisor has dropped the domain, but its remover may still be cleaning
 * up and still hold its name. Wait for the record's lock. */
static void
await_removal(struct xk_host *host, struct xk_domain *domain,
              struct xk_deadline deadline)
{
    if (domain->record != NULL &&
        xk_record_lock(domain->record, host->verb, deadline, NULL) == 0)
        xk_record_unlock(domain->record);
}

/* The driver's timeout only says that no event came; say what did not happen.
 */
static int
fail_to_wait(const struct xk_domain *domain, enum xk_wait_for what,
             struct xk_deadline deadline, struct xk_error *err)
{
    static const char *const verbs[] = {
        [XK_WAIT_STOPPED] = "stop",
        [XK_WAIT_DESTROYED] = "go away",
        [XK_WAIT_REBOOTED] = "start again",
    };
    static_assert(XK_ARRAY_SIZE(verbs) == XK_WAIT_COUNT, "a verb per wait");

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
            r = xk_fail(err, XK_ERR_TIMEOUT, "its state changes all the time");
        if (r == -1 && err->kind != XK_ERR_NOT_FOUND)
            return fail_to_wait(domain, what, deadline, err);
    }
}
