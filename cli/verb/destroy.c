/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "cli/invocation.h"
#include "toolstack/domain.h"
#include "toolstack/find.h"

enum {
    OPTION_FORCE,
};

static int
run_destroy(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_host *host = &invocation->host;

    if (xk_domain_find(host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1)
        return -1;
    if (domain.domid == 0 && !xk_option_given(invocation, OPTION_FORCE))
        return xk_fail(err, XK_ERR_USAGE,
                       "domain 0 is the one this host runs in; -f destroys it "
                       "all the same");
    if (xk_domain_destroy(host, &domain, invocation->deadline, err) == -1)
        return -1;
    xk_invocation_put_handle(invocation, &domain, "state", "destroyed");
    return 0;
}

const struct xk_command xk_command_destroy = {
    .name = "destroy",
    .summary = "end a domain at once",
    .details =
        "The domain is gone when the verb returns, and all it held on the host "
        "is free. The guest is not asked: this is the power cord, and "
        "\"xk shutdown\" is the button. Works in every state, also for what is "
        "left of a domain whose process was killed.",
    .options =
        (const struct xk_option[]){
            [OPTION_FORCE] = {'f', NULL, XK_ARG_NONE, NULL,
                              "allow domain 0, which works only from a "
                              "toolstack domain of its own",
                              NULL},
            {0}},
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_destroy,
};
