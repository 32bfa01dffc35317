/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "cli/invocation.h"
#include "toolstack/edit_disks.h"
#include "toolstack/find.h"

enum {
    OPTION_FORCE
};

static int
run_block_detach(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_host *host = &invocation->host;

    if (xk_domain_find(host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1 ||
        xk_domain_detach_disk(host, &domain, invocation->arguments[1],
                              xk_option_given(invocation, OPTION_FORCE),
                              invocation->deadline, err) == -1)
        return -1;
    return xk_invocation_put_domain(invocation, &domain, err);
}

const struct xk_command xk_command_block_detach = {
    .name = "block-detach",
    .summary = "take a disk from a domain",
    .details =
        "The guest is asked to let go of the disk; where it has not done so "
        "after ten seconds, because it is mounted for instance, the verb ends "
        "with exit status 4, and the disk goes as soon as the guest lets go "
        "of it. With --force it goes at once, and the guest sees errors.",
    .options =
        (const struct xk_option[]){
            [OPTION_FORCE] = {0, "force", XK_ARG_NONE, NULL,
                              "do not ask the guest", NULL},
            {0}},
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}, {"VDEV", XK_ARG_TEXT}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_block_detach,
};
