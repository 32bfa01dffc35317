/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "base/buf.h"
#include "cli/invocation.h"
#include "toolstack/edit_disks.h"
#include "toolstack/find.h"

/* Join the words of a specification by commas: as in xl, its parts may be
 * separate words. */
static void
join(const struct xk_invocation *invocation, struct xk_buf *spec)
{
    for (size_t i = 1; i < invocation->argument_count; i++)
        xk_buf_printf(spec, "%s%s", i > 1 ? "," : "", invocation->arguments[i]);
}

static int
run_block_attach(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    XK_CLEANUP_BUF struct xk_buf spec = {0};
    struct xk_host *host = &invocation->host;

    join(invocation, &spec);
    if (xk_domain_find(host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1 ||
        xk_domain_attach_disk(host, &domain, spec.data, invocation->deadline,
                              err) == -1)
        return -1;
    return xk_invocation_put_domain(invocation, &domain, err);
}

const struct xk_command xk_command_block_attach = {
    .name = "block-attach",
    .summary = "attach a disk to a domain",
    .details = "The disk is specified as in disk= of a file, see "
               "xl-disk-configuration(5); several words are joined by commas. "
               "It stays attached over reboots of the guest; the configuration "
               "file is not changed.\n\n"
               "On Xen, disks of pv and pvh domains are served by xk-backend, "
               "unless backendtype= says otherwise. On KVM the disks of a "
               "domain are fixed while it exists.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN},
                    {"SPEC", XK_ARG_TEXT, .repeated = true}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_block_attach,
};
