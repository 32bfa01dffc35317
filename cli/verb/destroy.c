/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <assert.h>

#include "base/util.h"
#include "cli/invocation.h"
#include "toolstack/domain.h"
#include "toolstack/find.h"

enum {
    OPTION_FORCE,
    OPTION_COUNT,
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
        return xk_fail(
            err, XK_ERR_USAGE,
            "domain 0 is this host itself; -f destroys it nevertheless");
    if (xk_domain_destroy(host, &domain, invocation->deadline, err) == -1)
        return -1;
    xk_invocation_put_handle(invocation, &domain, "state", "destroyed");
    return 0;
}

static const struct xk_option options[] = {
    [OPTION_FORCE] = XK_FLAG('f', NULL,
                             "allow domain 0, which works only from a "
                             "toolstack domain of its own"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_destroy = {
    .name = "destroy",
    .summary = "end a domain at once",
    .details =
        "When the verb returns, the domain is gone, and all it held on the "
        "host is released. The guest is not asked: this is the power cord, and "
        "\"xk shutdown\" is the button. Works in every state, also on the "
        "remains of a domain whose process was killed.",
    .options = options,
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_destroy,
};
