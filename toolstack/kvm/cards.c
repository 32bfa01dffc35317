/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network cards of a domain, listed: those of its configuration. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "net-helpers/link.h"
#include "toolstack/config/vif_syntax.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/kvm/taps.h"
#include "toolstack/record_config.h"

static uint64_t
rate_of(const struct xk_vif *vif)
{
    return vif->rate_interval_us == 0
               ? 0
               : vif->rate_bytes_per_interval * 1000000 / vif->rate_interval_us;
}

/* A card without bridge= is on a bridge if it has a TAP, which depends on the
 * host at its start. */
static void
take_network(const char *tap, const struct xk_vif *vif, struct xk_link *link,
             struct xk_deadline deadline, struct xk_card_info *info)
{
    if (vif->type == XK_VIF_USER ||
        xk_link_read(tap, link, deadline, NULL) == -1)
        return;
    info->type = "bridge";
    info->interface = tap;
    info->bridge = link->bridge[0] != '\0' ? link->bridge : vif->bridge;
    xk_card_info_take_link(info, link);
}

static void
tell(const struct xk_domain_config *config, const struct xk_vif *vif,
     xk_card_told *card, void *context, struct xk_deadline deadline)
{
    XK_CLEANUP_FREE char *tap = xk_kvm_tap_of(config, vif);
    char mac[XK_MAC_TEXT_SIZE];
    struct xk_link link;
    struct xk_card_info info = {
        .number = (unsigned)vif->devid,
        .mac = mac,
        .type = vif->bridge != NULL ? "bridge" : "user",
        .bridge = vif->bridge,
        .model = xk_kvm_card_model(vif),
        .backend = "qemu",
        .state = "connected",
        .mtu = vif->mtu,
        .rate_bytes_per_s = rate_of(vif),
    };

    xk_mac_format(vif->mac, mac);
    take_network(tap, vif, &link, deadline, &info);
    card(&info, context);
}

int
xk_kvm_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
             xk_card_told *card, void *context, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain->record, err);

    (void)hv;
    if (config == NULL)
        return -1;
    for (size_t i = 0; i < config->vif_count; i++)
        tell(config, &config->vifs[i], card, context, deadline);
    return 0;
}
