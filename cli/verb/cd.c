/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs cd-insert and cd-eject. */
#include "cli/verbs.h"

#include "cli/invocation.h"
#include "toolstack/edit_disks.h"
#include "toolstack/find.h"

static int
change(struct xk_invocation *invocation, const char *target,
       struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_host *host = &invocation->host;

    if (xk_domain_find(host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1 ||
        xk_domain_change_medium(host, &domain, invocation->arguments[1], target,
                                invocation->deadline, err) == -1)
        return -1;
    return xk_invocation_put_domain(invocation, &domain, err);
}

static int
run_cd_insert(struct xk_invocation *invocation, struct xk_error *err)
{
    return change(invocation, invocation->arguments[2], err);
}

static int
run_cd_eject(struct xk_invocation *invocation, struct xk_error *err)
{
    return change(invocation, NULL, err);
}

const struct xk_command xk_command_cd_insert = {
    .name = "cd-insert",
    .summary = "insert a medium into a cdrom drive of a domain",
    .details = "The medium is a raw image; it replaces the one in the drive. A "
               "guest of type pv or pvh sees the size of the drive change and "
               "should not have the old medium mounted: the guest is not told "
               "that data it cached came from the previous medium. Only on "
               "Xen: on KVM "
               "the disks of a domain are fixed while it exists.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN},
                    {"VDEV", XK_ARG_TEXT},
                    {"IMAGE", XK_ARG_FILE}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_cd_insert,
};

const struct xk_command xk_command_cd_eject = {
    .name = "cd-eject",
    .summary = "eject the medium from a cdrom drive of a domain",
    .details =
        "The drive stays, empty. A guest of type pv or pvh sees a disk of size "
        "zero, and whatever still reads the old medium gets errors. Only on "
        "Xen: on KVM the disks of a domain are fixed while it exists.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}, {"VDEV", XK_ARG_TEXT}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_cd_eject,
};
