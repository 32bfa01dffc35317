/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "cli/invocation.h"
#include "toolstack/find.h"
#include "toolstack/rename.h"

static int
run_rename(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_host *host = &invocation->host;

    if (xk_domain_find(host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1 ||
        xk_domain_rename(host, &domain, invocation->arguments[1],
                         invocation->deadline, err) == -1)
        return -1;
    return xk_invocation_put_domain(invocation, &domain, err);
}

const struct xk_command xk_command_rename = {
    .name = "rename",
    .summary = "give a domain another name",
    .details = "The new name must be free. The domain keeps it until it ends, "
               "over reboots too; the configuration file is not changed.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}, {"NAME", XK_ARG_TEXT}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_rename,
};
