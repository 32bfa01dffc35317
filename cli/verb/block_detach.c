/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <assert.h>

#include "base/util.h"
#include "cli/invocation.h"
#include "toolstack/edit_disks.h"
#include "toolstack/find.h"

enum {
    OPTION_FORCE,
    OPTION_COUNT,
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

static const struct xk_option options[] = {
    [OPTION_FORCE] = XK_FLAG(0, "force", "do not ask the guest"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_block_detach = {
    .name = "block-detach",
    .summary = "detach a disk from a domain",
    .details = "The guest is asked to release the disk. If it has not done so "
               "after ten seconds, for instance because the disk is mounted, "
               "the verb ends with exit status 4, and the disk is detached as "
               "soon as the guest releases it. With --force it is detached at "
               "once, and the guest sees errors. Only on Xen: on KVM "
               "the disks of a domain are fixed while it exists.",
    .options = options,
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}, {"VDEV", XK_ARG_TEXT}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_block_detach,
};
