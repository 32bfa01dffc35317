/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/cancel.h"

#include <signal.h>

#include "base/process.h"

/* The holder is read again once it is known which process has that pid: then
 * it is that one that holds the lock. */
static int
find_mover(const struct xk_domain *domain, struct xk_process *mover,
           struct xk_error *err)
{
    pid_t pid, again;

    if (domain->record != NULL &&
        xk_record_holder(domain->record, "migrate", &pid) &&
        xk_process_identify(pid, mover) &&
        xk_record_holder(domain->record, "migrate", &again) && again == pid)
        return 0;
    return xk_fail(err, XK_ERR_STATE, "domain \"%s\" is not being moved",
                   domain->name);
}

int
xk_migrate_cancel(struct xk_host *host, struct xk_domain *domain,
                  struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_process mover;

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
    xk_record_unlock(domain->record);
    return 0;
}
