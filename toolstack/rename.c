/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/rename.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/find.h"
#include "toolstack/journal.h"
#include "toolstack/operation.h"
#include "toolstack/record_config.h"
#include "toolstack/seam/domain_ops.h"

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
    return xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_RENAME, NULL,
                             err);
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
    if (xk_journal_append(domain->record, XK_JOURNAL_BEGIN, XK_OP_RENAME, NULL,
                          err) == -1 ||
        xk_record_save_config(domain->record, config, err) == -1)
        return -1;
    return xk_operation_finish_rename(host, domain, deadline, err);
}

/* The domain has the name already if a rename was killed and is tried again. */
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
    xk_operation_unlock(domain);
    if (r == 0) {
        free(domain->name);
        domain->name = xk_strdup(name);
    }
    return r;
}
