/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "cli/ask_guests.h"

static int
run_shutdown(struct xk_invocation *invocation, struct xk_error *err)
{
    static const struct xk_ask ask = {
        .signal = XK_SIGNAL_POWEROFF,
        .once = XK_WAIT_STOPPED,
        .twice = XK_WAIT_DESTROYED,
        .step = "shutting down",
    };

    return xk_ask_run(invocation, &ask, err);
}

const struct xk_command xk_command_shutdown = {
    .name = "shutdown",
    .summary = "ask a guest to shut down",
    .details =
        "Asks the guest and returns; the guest may take its time, or not care. "
        "What becomes of the domain then is up to on_poweroff= of its "
        "configuration.\n\n"
        "With -w it returns when the domain has stopped or is gone, with -ww "
        "when it is gone. It waits as long as it takes, or --timeout.\n\n"
        "-a asks all domains but domain 0. If some of them fail the others are "
        "asked all the same, and the exit status is that of the first "
        "failure.\n\n"
        "On KVM the guest sees its ACPI power button, with or without -F.",
    .options =
        (const struct xk_option[]){
            [XK_ASK_ALL] = {'a', "all", XK_ARG_NONE, NULL, "ask all domains",
                            NULL},
            [XK_ASK_WAIT] = {'w', "wait", XK_ARG_NONE, NULL,
                             "wait until it has stopped; twice: until it is "
                             "gone",
                             NULL},
            [XK_ASK_FALLBACK] = {'F', NULL, XK_ARG_NONE, NULL,
                                 "press the ACPI power button where the guest "
                                 "has no PV drivers",
                                 NULL},
            {0}},
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN, .optional = true}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_shutdown,
};
