/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/remove.h"

#include "base/log.h"
#include "toolstack/journal.h"
#include "toolstack/seam/domain_ops.h"

int
xk_operation_remove(struct xk_domain *domain, struct xk_deadline deadline,
                    struct xk_error *err)
{
    if (xk_hv_teardown(domain->hv, domain, deadline, err) == -1)
        return -1;
    return domain->record == NULL ? 0 : xk_record_remove(domain->record, err);
}

/* Another toolstack destroyed the domain, or it ended with its process. */
int
xk_operation_remove_gone(struct xk_domain *domain, struct xk_deadline deadline,
                         struct xk_error *err)
{
    xk_warn("domain %s: its machine is gone: its record is removed",
            domain->record->uuid_text);
    if (xk_journal_append(domain->record, XK_JOURNAL_BEGIN, XK_OP_DESTROY, NULL,
                          err) == -1)
        return -1;
    return xk_operation_remove(domain, deadline, err);
}

void
xk_operation_undo(struct xk_domain *domain)
{
    struct xk_error err = {0};

    if (xk_operation_remove(domain, xk_deadline_in_ms(XK_UNDO_MS), &err) == -1)
        xk_warn("domain \"%s\": undoing its creation failed: %s", domain->name,
                err.message);
}
