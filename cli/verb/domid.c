/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "cli/invocation.h"
#include "toolstack/find.h"
#include "toolstack/list.h"

static int
run_domid(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_domain_info info = {0};
    struct xk_host *host = &invocation->host;

    if (xk_domain_find(host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1 ||
        xk_domain_get(host, &domain, &info, invocation->deadline, err) == -1)
        return -1;
    domain.domid = info.domid;
    xk_domain_info_free(&info);
    if (domain.domid < 0)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "domain \"%s\" has no domid: domains of %s are known by "
                       "name and UUID",
                       domain.name, xk_hv_name(domain.hv));
    if (invocation->json)
        return xk_invocation_put_domain(invocation, &domain, err);
    xk_buf_printf(&invocation->out, "%d\n", domain.domid);
    return 0;
}

const struct xk_command xk_command_domid = {
    .name = "domid",
    .summary = "print the domid of a domain",
    .details = "Only domains on Xen have a domid; it changes at every reboot. "
               "On KVM this fails with exit status 6.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 10,
    .needs_host = true,
    .run = run_domid,
};
