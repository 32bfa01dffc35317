/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "cli/invocation.h"
#include "toolstack/domain.h"

static int
run_pause(struct xk_invocation *invocation, struct xk_error *err)
{
    return xk_invocation_act(invocation, xk_domain_pause, err);
}

const struct xk_command xk_command_pause = {
    .name = "pause",
    .summary = "pause a domain",
    .details = "The domain keeps its memory and devices but does not run until "
               "\"xk unpause\". Pausing a paused domain is not an error.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_pause,
};
