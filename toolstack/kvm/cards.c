/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network cards of a domain, listed: those of its configuration, and those
 * that its guest has not released. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "net-helpers/link.h"
#include "net-helpers/mac.h"
#include "toolstack/config/vif_plug.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/leaving.h"
#include "toolstack/kvm/live_cards.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/kvm/taps.h"
#include "toolstack/record_config.h"

enum {
    ASK_MS = 2000
};

/* The ports of an Open vSwitch are all of one bridge to the kernel. */
static const char *
bridge_of(const struct xk_vif *vif, const struct xk_net_link *link)
{
    enum xk_plug_kind kind = xk_plug_kind(vif->script);

    if (kind == XK_PLUG_ROUTE)
        return NULL;
    if (kind == XK_PLUG_VSWITCH)
        return xk_vif_plug(vif).bridge;
    return link->bridge[0] != '\0' ? link->bridge : vif->bridge;
}

/* A card that names no plug is on a bridge if it has a TAP, which depends on
 * the host at its start. */
static void
take_network(const char *tap, const struct xk_vif *vif,
             struct xk_net_link *link, struct xk_deadline deadline,
             struct xk_card_info *info)
{
    if (vif->type == XK_VIF_USER ||
        xk_net_link_read(tap, link, deadline, NULL) == -1)
        return;
    info->type = "bridge";
    info->interface = tap;
    info->bridge = bridge_of(vif, link);
    xk_card_info_take_link(info, link);
}

static void
tell(const struct xk_domain_config *config, const struct xk_vif *vif,
     xk_card_told *card, void *context, struct xk_deadline deadline)
{
    XK_CLEANUP_FREE char *tap = xk_kvm_tap_of(config, vif);
    char mac[XK_MAC_TEXT_SIZE];
    struct xk_net_link link;
    struct xk_card_info info = {
        .number = (unsigned)vif->devid,
        .mac = mac,
        .type = vif->bridge != NULL || vif->script != NULL ? "bridge" : "user",
        .bridge = vif->bridge,
        .model = xk_kvm_card_model(vif),
        .backend = "qemu",
        .state = "connected",
        .mtu = vif->mtu,
    };

    xk_mac_format(vif->mac, mac);
    take_network(tap, vif, &link, deadline, &info);
    card(&info, context);
}

/* The mark may be older than the release. A QEMU that does not tell in time
 * counts as one that has the card. */
static bool
has_gone(int dirfd, int devid, struct xk_deadline deadline)
{
    struct xk_deadline soon =
        xk_deadline_min(deadline, xk_deadline_in_ms(ASK_MS));
    XK_CLEANUP_QMP struct xk_qmp *qmp =
        xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, soon, NULL);

    return qmp != NULL && xk_kvm_has_card(qmp, devid, soon, NULL) == 0;
}

static int
tell_leaving(int dirfd, xk_card_told *card, void *context,
             struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE struct xk_kvm_leaving *leaving = NULL;
    size_t count;

    if (xk_kvm_leaving_list(dirfd, &leaving, &count, err) == -1)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const char *mac = leaving[i].mac;
        const struct xk_card_info info = {
            .number = (unsigned)leaving[i].devid,
            .mac = mac[0] != '\0' ? mac : NULL,
            .backend = "qemu",
            .state = "leaving",
        };

        if (!has_gone(dirfd, leaving[i].devid, deadline))
            card(&info, context);
    }
    return 0;
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
    return tell_leaving(domain->record->dir_fd, card, context, deadline, err);
}
