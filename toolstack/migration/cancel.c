/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/cancel.h"

#include <signal.h>

#include "base/process.h"
#include "toolstack/record_facts.h"

static int
find_mover(const struct xk_domain *domain, struct xk_process *mover,
           struct xk_error *err)
{
    if (domain->record != NULL &&
        xk_record_holder(domain->record, "migrate", mover))
        return 0;
    return xk_fail(err, XK_ERR_STATE, "domain \"%s\" is not being moved",
                   domain->name);
}

int
xk_migrate_cancel(struct xk_host *host, struct xk_domain *domain,
                  struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_process mover;
    bool in_doubt;

    if (find_mover(domain, &mover, err) == -1)
        return -1;
    xk_process_signal(&mover, SIGINT);
    if (xk_record_lock(domain->record, host->verb, deadline, err) == -1) {
        if (err->kind == XK_ERR_NOT_FOUND)
            return xk_fail(err, XK_ERR_STATE,
                           "domain \"%s\" was moved before it could be stopped",
                           domain->name);
        return -1;
    }
    in_doubt = xk_record_is_in_doubt(domain->record);
    xk_record_unlock(domain->record);
    return !in_doubt
               ? 0
               : xk_fail(
                     err, XK_ERR_STATE,
                     "domain \"%s\" may already run on the other host, so it "
                     "stays paused here until that host says whether it does",
                     domain->name);
}
