/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <assert.h>

#include "base/util.h"
#include "cli/ask_guests.h"

static int
run_reboot(struct xk_invocation *invocation, struct xk_error *err)
{
    static const struct xk_ask ask = {
        .signal = XK_SIGNAL_REBOOT,
        .once = XK_WAIT_REBOOTED,
        .twice = XK_WAIT_REBOOTED,
        .step = "rebooting",
    };

    return xk_ask_run(invocation, &ask, err);
}

static const struct xk_option options[] = {
    [XK_ASK_ALL] = XK_FLAG('a', "all", "ask all domains"),
    [XK_ASK_WAIT] =
        XK_FLAG('w', "wait", "wait until it has been started again"),
    [XK_ASK_FALLBACK] =
        XK_FLAG('F', NULL,
                "press the ACPI reset button if the guest has no PV drivers"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == XK_ASK_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_reboot = {
    .name = "reboot",
    .summary = "ask a guest to reboot",
    .details =
        "Asks the guest and returns; the guest may take its time, or ignore "
        "the request. on_reboot= of its configuration decides what then "
        "happens to the domain.\n\n"
        "With -w it returns when the domain has been started again, or is "
        "gone. It waits without limit, or until --timeout.\n\n"
        "On KVM the guest sees its ACPI power button; a poweroff within a "
        "minute counts as the reboot, unless -w has given up before.\n\n"
        "-a asks all domains but domain 0. If some of them fail, the others "
        "are asked nevertheless, and the exit status is that of the first "
        "failure.",
    .options = options,
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN, .optional = true}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_reboot,
};
