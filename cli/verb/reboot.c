/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

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

const struct xk_command xk_command_reboot = {
    .name = "reboot",
    .summary = "ask a guest to reboot",
    .details =
        "Asks the guest and returns; the guest may take its time, or not care. "
        "What becomes of the domain then is up to on_reboot= of its "
        "configuration.\n\n"
        "With -w it returns when the domain has been started again, or is "
        "gone. It waits as long as it takes, or --timeout.\n\n"
        "On KVM the guest sees its ACPI power button; a poweroff within a "
        "minute is taken for the reboot, unless -w has given up before.\n\n"
        "-a asks all domains but domain 0. If some of them fail the others are "
        "asked all the same, and the exit status is that of the first failure.",
    .options =
        (const struct xk_option[]){
            [XK_ASK_ALL] = {'a', "all", XK_ARG_NONE, NULL, "ask all domains",
                            NULL},
            [XK_ASK_WAIT] = {'w', "wait", XK_ARG_NONE, NULL,
                             "wait until it was started again", NULL},
            [XK_ASK_FALLBACK] = {'F', NULL, XK_ARG_NONE, NULL,
                                 "press the ACPI reset button where the guest "
                                 "has no PV drivers",
                                 NULL},
            {0}},
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN, .optional = true}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_reboot,
};
