/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/reset.h"

#include "base/log.h"
#include "toolstack/journal.h"
#include "toolstack/operation.h"
#include "toolstack/record_facts.h"
#include "toolstack/seam/domain_ops.h"

enum {
    RESET_MS = 1000, /* a hypervisor that answers does it in a few */
};

static int
end(struct xk_domain *domain, struct xk_error *err)
{
    return xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_RESET, NULL,
                             err);
}

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
    return end(domain, err);
}

int
xk_operation_finish_reset(struct xk_host *host, struct xk_domain *domain,
                          struct xk_deadline deadline, struct xk_error *err)
{
    bool ran;

    (void)host;
    /* Not longer than that: who wants to end the domain waits for its lock. */
    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(RESET_MS));
    (void)xk_record_has_reset(domain->record, &ran);
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
        return end(domain, err);
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
    xk_operation_unlock(domain);
    return r;
}
