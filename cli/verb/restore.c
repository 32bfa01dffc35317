/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "base/log.h"
#include "cli/invocation.h"
#include "cli/progress.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/migration/restore.h"

enum {
    OPTION_PAUSE,
    OPTION_EXIT,
    OPTION_DEBUG,
    OPTION_VNC,
    OPTION_VNC_PASS,
};

/* A configuration may stand before the file, as with xl. */
static int
read_config(struct xk_invocation *invocation, struct xk_domain_config **config,
            const char **path, struct xk_error *err)
{
    *config = NULL;
    *path = invocation->arguments[invocation->argument_count - 1];
    if (invocation->argument_count == 1)
        return 0;
    *config = xk_config_read(invocation->arguments[0], NULL, 0,
                             &invocation->problems, err);
    return *config == NULL ? -1 : 0;
}

static int
run_restore(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_progress progress;
    struct xk_restore_options options = {
        .paused = xk_option_given(invocation, OPTION_PAUSE),
        .watch = &progress.watch,
    };
    const char *path;
    int rc;

    if (xk_option_given(invocation, OPTION_DEBUG))
        xk_log_set_level(XK_LOG_DEBUG);
    if (read_config(invocation, &config, &path, err) == -1)
        return -1;
    options.config = config;
    xk_progress_start(&progress, invocation, NULL, "restoring");
    rc = xk_domain_restore(&invocation->host, path, &options, &domain,
                           invocation->deadline, err);
    xk_progress_end(&progress);
    if (rc == -1)
        return -1;
    return xk_invocation_put_domain(invocation, &domain, err);
}

const struct xk_command xk_command_restore = {
    .name = "restore",
    .summary = "make a domain again from a file of \"xk save\" or \"xl save\"",
    .details =
        "The domain goes on where it stood when it was saved; one that was "
        "paused then runs too, unless -p is given. FILE stays: it is the "
        "caller's to remove. Do not use it twice without putting the disks "
        "back to what they were.\n\n"
        "Every byte of FILE is checked before the domain runs: one that was "
        "cut off or changed is refused, and nothing is made.\n\n"
        "On Xen FILE may be one of \"xl save\", too. Of such a one only the "
        "form is checked, for it has no sums. Its configuration is taken over "
        "whole, or refused with the name of what has no key here; which of "
        "libxl's backends served a disk is not kept: xk serves those it "
        "can.\n\n"
        "CONFIG, an xl.cfg file, is taken instead of the configuration in "
        "FILE; it must describe the same machine, but paths may differ.",
    .options =
        (const struct xk_option[]){
            [OPTION_PAUSE] = {'p', NULL, XK_ARG_NONE, NULL,
                              "leave the domain paused", NULL},
            [OPTION_EXIT] = {'e', NULL, XK_ARG_NONE, NULL,
                             "do not watch the domain",
                             "one monitor watches all domains; set "
                             "on_poweroff=\"preserve\" and the like to have "
                             "nothing done"},
            [OPTION_DEBUG] = {'d', "debug", XK_ARG_NONE, NULL,
                              "say all that is done, as -vv does", NULL},
            [OPTION_VNC] = {'V', "vncviewer", XK_ARG_NONE, NULL,
                            "start a VNC viewer",
                            "start a viewer yourself; vnclisten= and "
                            "vncdisplay= say where"},
            [OPTION_VNC_PASS] = {'A', "vncviewer-autopass", XK_ARG_NONE, NULL,
                                 "start a VNC viewer with the password",
                                 "start a viewer yourself; vnclisten= and "
                                 "vncdisplay= say where"},
            {0}},
    .positionals = {{"FILE", XK_ARG_FILE},
                    {"FILE", XK_ARG_FILE, .optional = true}},
    .needs_host = true,
    .run = run_restore,
};
