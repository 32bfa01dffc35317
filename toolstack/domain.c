/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/domain.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "toolstack/journal.h"
#include "toolstack/migration/save.h"
#include "toolstack/operation.h"
#include "toolstack/policy.h"
#include "toolstack/record_facts.h"
#include "toolstack/remove.h"

static int
begin_destroy(const struct xk_domain *domain, struct xk_error *err)
{
    if (domain->record == NULL)
        return 0;
    return xk_journal_append(domain->record, XK_JOURNAL_BEGIN, XK_OP_DESTROY,
                             NULL, err);
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
    r = begin_destroy(domain, err);
    if (r == 0) {
        xk_operation_end_replaced(host, domain, deadline);
        r = xk_operation_remove(domain, deadline, err);
    }
    /* Unlink last: the file may be on a server that does not answer. */
    if (r == 0 && leftover != NULL)
        unlink(leftover);
    xk_operation_unlock(domain);
    return r;
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
    xk_operation_unlock(domain);
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
        domain->starts = xk_record_starts(domain->record, 0);
    r = xk_operation_need_alive(host, domain, NULL, deadline, err);
    if (r == 0)
        r = xk_hv_signal(domain->hv, domain, signal, acpi_fallback, deadline,
                         err);
    xk_operation_unlock(domain);
    return r;
}
