/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "cli/invocation.h"
#include "toolstack/reset.h"

static int
run_reset(struct xk_invocation *invocation, struct xk_error *err)
{
    return xk_invocation_act(invocation, xk_domain_reset, err);
}

const struct xk_command xk_command_reset = {
    .name = "reset",
    .summary = "press the reset button of a domain",
    .details =
        "The domain starts again from its first instruction, at once. The "
        "guest is not asked and loses what it has not written to its disks; "
        "\"xk reboot\" asks. The configuration stays as it was at creation.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_reset,
};
