/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs block-detach and network-detach. */
#include "cli/verbs.h"

#include <assert.h>

#include "base/util.h"
#include "cli/invocation.h"
#include "toolstack/edit_cards.h"
#include "toolstack/edit_disks.h"
#include "toolstack/find.h"

enum {
    OPTION_FORCE,
    OPTION_COUNT,
};

typedef int detach_device(struct xk_host *host, struct xk_domain *domain,
                          const char *name, bool force,
                          struct xk_deadline deadline, struct xk_error *err);

static int
run(struct xk_invocation *invocation, detach_device *detach,
    struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_host *host = &invocation->host;

    if (xk_domain_find(host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1 ||
        detach(host, &domain, invocation->arguments[1],
               xk_option_given(invocation, OPTION_FORCE), invocation->deadline,
               err) == -1)
        return -1;
    return xk_invocation_put_domain(invocation, &domain, err);
}

static int
run_block_detach(struct xk_invocation *invocation, struct xk_error *err)
{
    return run(invocation, xk_domain_detach_disk, err);
}

static int
run_network_detach(struct xk_invocation *invocation, struct xk_error *err)
{
    return run(invocation, xk_domain_detach_card, err);
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

const struct xk_command xk_command_network_detach = {
    .name = "network-detach",
    .summary = "detach a network card from a domain",
    .details =
        "CARD is a devid or a MAC address, as network-list shows them. The "
        "guest is asked to release the card. If it has not done so after ten "
        "seconds, the verb ends with exit status 4, and the card is detached "
        "as soon as the guest releases it. With --force it is cut off at "
        "once. A card that libxl serves is cut off after ten seconds in any "
        "case, as with xl.\n\n"
        "On KVM a guest can release a card only once its system runs, and "
        "only a card of a model that network-attach takes. After --force it "
        "keeps a card without a cable until it releases the card or is reset; "
        "until then it can be neither saved nor moved.",
    .options = options,
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}, {"CARD", XK_ARG_TEXT}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_network_detach,
};
