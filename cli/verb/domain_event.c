/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "cli/invocation.h"
#include "toolstack/find.h"
#include "toolstack/migration/handover.h"
#include "toolstack/migration/resolve.h"
#include "toolstack/policy.h"
#include "toolstack/record_facts.h"

/* Opening the host has already finished or rolled back what a killed verb left.
 * If nothing else was to be done, the domain may be gone by now. */
static int
run_domain_event(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_error missing = {0};
    struct xk_uuid uuid;
    enum xk_handover fate;

    if (!xk_uuid_parse(invocation->arguments[0], &uuid))
        return xk_fail(err, XK_ERR_USAGE, "\"%s\" is not a UUID",
                       invocation->arguments[0]);
    if (xk_domain_open(&invocation->host, &uuid, &domain, &missing) == -1) {
        if (missing.kind == XK_ERR_NOT_FOUND)
            return 0;
        *err = missing;
        return -1;
    }
    if (xk_record_is_in_doubt(domain.record))
        return xk_migrate_resolve(&invocation->host, &domain, XK_RESOLVE_ASK,
                                  &fate, invocation->deadline, err);
    return xk_domain_apply_policy(&invocation->host, &domain,
                                  invocation->deadline, err);
}

const struct xk_command xk_command_domain_event = {
    .name = "domain-event",
    .summary = "carry out the policy of a domain that has stopped",
    .details = "The monitor runs this as a process of its own when something "
               "has happened to a domain.",
    .positionals = {{"UUID", XK_ARG_DOMAIN}},
    .timeout_s = 600,
    .needs_host = true,
    .hidden = true,
    .run = run_domain_event,
};
