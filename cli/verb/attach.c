/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs block-attach and network-attach. */
#include "cli/verbs.h"

#include "base/buf.h"
#include "cli/invocation.h"
#include "toolstack/edit_cards.h"
#include "toolstack/edit_disks.h"
#include "toolstack/find.h"

typedef int attach_device(struct xk_host *host, struct xk_domain *domain,
                          const char *spec, struct xk_deadline deadline,
                          struct xk_error *err);

/* Join the words of a specification by commas: as in xl, its parts may be
 * separate words. */
static void
join(const struct xk_invocation *invocation, struct xk_buf *spec)
{
    xk_buf_puts(spec, "");
    for (size_t i = 1; i < invocation->argument_count; i++)
        xk_buf_printf(spec, "%s%s", i > 1 ? "," : "", invocation->arguments[i]);
}

static int
run(struct xk_invocation *invocation, attach_device *attach,
    struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    XK_CLEANUP_BUF struct xk_buf spec = {0};
    struct xk_host *host = &invocation->host;

    join(invocation, &spec);
    if (xk_domain_find(host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1 ||
        attach(host, &domain, spec.data, invocation->deadline, err) == -1)
        return -1;
    return xk_invocation_put_domain(invocation, &domain, err);
}

static int
run_block_attach(struct xk_invocation *invocation, struct xk_error *err)
{
    return run(invocation, xk_domain_attach_disk, err);
}

static int
run_network_attach(struct xk_invocation *invocation, struct xk_error *err)
{
    return run(invocation, xk_domain_attach_card, err);
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

const struct xk_command xk_command_network_attach = {
    .name = "network-attach",
    .summary = "attach a network card to a domain",
    .details =
        "The card is specified as in vif= of a file, see "
        "xl-network-configuration(5) and xk.cfg(5); several words are joined "
        "by commas, and without any the card is on the default bridge. It gets "
        "the lowest devid that is free, unless devid= says otherwise, and a "
        "random MAC address, unless mac= gives one. A MAC address that another "
        "domain has on the same bridge is refused. The card stays attached "
        "over reboots of the guest, and goes with it when it is saved or "
        "moved; the configuration file is not changed.\n\n"
        "On Xen the kernel serves the card through libxl, or, with "
        "backendtype=xk or type=user, xk-backend. On KVM the card needs a "
        "model that can be plugged into a running machine: virtio-net (the "
        "default), e1000e, igb or vmxnet3.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN},
                    {"VIF", XK_ARG_TEXT, .optional = true, .repeated = true}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_network_attach,
};
