/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "cli/invocation.h"
#include "toolstack/find.h"

static int
run_domname(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};

    if (xk_domain_find(&invocation->host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1)
        return -1;
    if (invocation->json)
        return xk_invocation_put_domain(invocation, &domain, err);
    xk_buf_printf(&invocation->out, "%s\n", domain.name);
    return 0;
}

const struct xk_command xk_command_domname = {
    .name = "domname",
    .summary = "print the name of a domain",
    .details = "Takes a domid or a UUID.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 10,
    .needs_host = true,
    .run = run_domname,
};
