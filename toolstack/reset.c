/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/reset.h"

#include "base/log.h"
#include "toolstack/journal.h"
#include "toolstack/operation.h"
#include "toolstack/record_facts.h"
#include "toolstack/seam/domain_ops.h"

enum {
    RESET_MS = 1000, /* a hypervisor that answers needs a few */
};

static int
end(struct xk_domain *domain, struct xk_error *err)
{
    return xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_RESET, NULL,
                             err);
}

/* A driver may pause the guest for a reset. A process that was killed over it,
 * or got no answer in time, may have sent a pause that takes effect later. So
 * resume the guest even if it runs. */
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
        xk_warn(
            "domain \"%s\": its interrupted reset could not be finished: %s",
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
    /* No longer than that: a destroy waits for the lock meanwhile. */
    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(RESET_MS));
    (void)xk_record_has_reset(domain->record, &ran);
    return end_reset(domain, ran, true, deadline, err);
}

/* If the reset fails and the guest cannot be resumed, recovery resumes it. */
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
