/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <assert.h>

#include "base/log.h"
#include "base/util.h"
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
    OPTION_COUNT,
};

/* Read the configuration that may precede the file, as with xl. */
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

static const struct xk_option options[] = {
    [OPTION_PAUSE] = XK_FLAG('p', NULL, "leave the domain paused"),
    [OPTION_EXIT] =
        XK_REFUSED('e', NULL, "do not watch the domain",
                   "one monitor watches all domains; to have it leave this one "
                   "alone, set on_poweroff=\"preserve\" and the like"),
    [OPTION_DEBUG] = XK_FLAG('d', "debug", "print each step, as -vv does"),
    [OPTION_VNC] = XK_REFUSED('V', "vncviewer", "start a VNC viewer",
                              "run \"xk vncviewer\" afterwards"),
    [OPTION_VNC_PASS] = XK_REFUSED(
        'A', "vncviewer-autopass", "start a VNC viewer with the password",
        "run \"xk vncviewer --autopass\" afterwards"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_restore = {
    .name = "restore",
    .summary = "recreate a domain from a file of \"xk save\" or \"xl save\"",
    .details =
        "The domain continues where it was when it was saved. It runs even if "
        "it was paused then, unless -p is given. FILE stays: the caller "
        "removes it. Do not restore from it twice without restoring the disks "
        "too.\n\n"
        "Every byte of FILE is checked before the domain runs: a file that was "
        "truncated or changed is refused, and nothing is created.\n\n"
        "On Xen FILE may also be a file of \"xl save\". Of such a file only "
        "the form is checked, because it has no checksums. Its configuration "
        "is taken over as a whole, or refused with the name of what has no key "
        "here. Which of libxl's backends served a disk is not kept: xk serves "
        "the disks that it can.\n\n"
        "If two files are given, the first is an xl.cfg file that replaces the "
        "configuration in the second; it must describe the same machine, but "
        "paths may differ.",
    .options = options,
    .positionals = {{"FILE", XK_ARG_FILE},
                    {"FILE", XK_ARG_FILE, .optional = true}},
    .needs_host = true,
    .run = run_restore,
};
