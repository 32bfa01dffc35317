/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Print the result of "xk migrate --plan". */
#ifndef XK_CLI_MIGRATE_PLAN_H
#define XK_CLI_MIGRATE_PLAN_H

#include "cli/invocation.h"
#include "toolstack/migration/migrate.h"

void xk_put_plan(struct xk_invocation *invocation,
                 const struct xk_domain *domain, const char *host,
                 const struct xk_migrate_plan *plan);

#endif
