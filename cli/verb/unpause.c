/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "cli/invocation.h"
#include "toolstack/domain.h"

static int
run_unpause(struct xk_invocation *invocation, struct xk_error *err)
{
    return xk_invocation_act(invocation, xk_domain_unpause, err);
}

const struct xk_command xk_command_unpause = {
    .name = "unpause",
    .summary = "resume a paused domain",
    .details =
        "The domain resumes where \"xk pause\" stopped it, or starts if it was "
        "created paused. Unpausing a running domain is not an error.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_unpause,
};
