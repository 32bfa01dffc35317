/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network cards: each is a "-netdev" called net-vifN and a device called vifN,
 * where N is the devid.
 *
 * A card with a bridge= or script= is plugged in as they say
 * (net-helpers/plug.h), or planning fails. Without them it is on xl's default
 * bridge, if that exists and we have the rights. Else it has a user-mode
 * network of its own, which needs no rights.
 */
#include "toolstack/kvm/plan_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "net-helpers/bridge.h"
#include "net-helpers/mac.h"
#include "toolstack/kvm/taps.h"

/* Models by xl's names, with QEMU's. */
static const struct model {
    const char *name;
    const char *driver;
    bool express; /* goes on a PCI Express port, and can be unplugged */
} models[] = {
    {"virtio-net", "virtio-net-pci", true},
    {"virtio-net-pci", "virtio-net-pci", true},
    {"virtio", "virtio-net-pci", true},
    {"netfront", "virtio-net-pci", true},
    {"e1000e", "e1000e", true},
    {"igb", "igb", true}, /* QEMU 8.0 */
    {"vmxnet3", "vmxnet3", true},
    {"rtl8139", "rtl8139", false},
    {"e1000", "e1000", false},
    {"ne2k_pci", "ne2k_pci", false},
    {"pcnet", "pcnet", false},
    {"i82551", "i82551", false},
    {"i82557b", "i82557b", false},
    {"i82559er", "i82559er", false},
    {"tulip", "tulip", false},
};

static const struct model *
model_of(const struct xk_vif *vif, struct xk_error *err)
{
    if (vif->model == NULL || vif->type == XK_VIF_PV)
        return &models[0];
    for (size_t i = 0; i < XK_ARRAY_SIZE(models); i++) {
        if (strcasecmp(vif->model, models[i].name) == 0)
            return &models[i];
    }
    xk_fail(err, XK_ERR_UNSUPPORTED,
            "no network card \"%s\" on kvm; for example virtio-net, e1000, "
            "e1000e or rtl8139",
            vif->model);
    return NULL;
}

const char *
xk_kvm_card_model(const struct xk_vif *vif)
{
    const struct model *model = model_of(vif, NULL);

    return model != NULL ? model->driver : NULL;
}

bool
xk_kvm_card_is_mobile(const struct xk_vif *vif)
{
    const struct model *model = model_of(vif, NULL);

    return model != NULL && model->express;
}

static bool
is_virtio(const struct model *model)
{
    return strcmp(model->driver, "virtio-net-pci") == 0;
}

/* Returns whether the card has a TAP; else it has a user-mode network. A named
 * plug is never replaced: the card would be on another network than it was
 * meant for, and reach this host's own services. */
static bool
needs_tap(const struct xk_vif *vif)
{
    return vif->bridge != NULL || vif->script != NULL ||
           (vif->type != XK_VIF_USER && xk_bridge_usual() != NULL);
}

/* ---- the card ---- */

/* Write the name of the port that the card had on the host it comes from. */
static int
choose_old_port(const struct xk_kvm_plan *plan, const struct xk_vif *vif,
                char bus[XK_KVM_BUS_MAX], struct xk_error *err)
{
    for (size_t i = 0; i < xk_json_length(plan->card_ports); i++) {
        const struct xk_json *card = xk_json_at(plan->card_ports, i);
        int64_t devid, port;

        if (!xk_json_integer(xk_json_get(card, "devid"), &devid) ||
            !xk_json_integer(xk_json_get(card, "port"), &port) || port < 0 ||
            port >= plan->port_count)
            break;
        if (devid != vif->devid)
            continue;
        snprintf(bus, XK_KVM_BUS_MAX, "port%d", (int)port);
        return 0;
    }
    return xk_fail(err, XK_ERR_PROTOCOL,
                   "it does not say on which port network card %d is",
                   vif->devid);
}

/* Open the option of a card on a port, or, for the old kinds, on the root bus.
 */
static struct xk_json_writer *
open_card(struct xk_kvm_plan *plan, const struct xk_vif *vif,
          const struct model *model, const char *id, const char *given_bus,
          struct xk_error *err)
{
    unsigned slot = XK_KVM_SLOT_NIC + plan->layout->nics;
    struct xk_json_writer *w;
    char bus[XK_KVM_BUS_MAX];

    if (!model->express && slot > XK_KVM_SLOT_NIC_LAST) {
        xk_fail(err, XK_ERR_UNSUPPORTED,
                "more than %d network cards of the old kinds; use virtio-net",
                XK_KVM_SLOT_NIC_LAST - XK_KVM_SLOT_NIC + 1);
        return NULL;
    }
    if (!model->express) {
        plan->layout->nics++;
        return xk_kvm_device_open(plan, model->driver, id, slot);
    }
    if (given_bus != NULL)
        snprintf(bus, sizeof(bus), "%s", given_bus);
    else if ((plan->card_ports != NULL ? choose_old_port(plan, vif, bus, err)
                                       : xk_kvm_port_add(plan, bus, err)) == -1)
        return NULL;
    w = xk_kvm_option_open(plan, "-device");
    xk_json_put_string(w, "driver", model->driver);
    xk_json_put_string(w, "id", id);
    xk_json_put_string(w, "bus", bus);
    return w;
}

static int
add_card(struct xk_kvm_plan *plan, const struct xk_vif *vif,
         const struct model *model, const char *id, const char *netdev,
         const char *bus, struct xk_error *err)
{
    struct xk_json_writer *w = open_card(plan, vif, model, id, bus, err);
    char mac[XK_MAC_TEXT_SIZE];

    if (w == NULL)
        return -1;
    xk_mac_format(vif->mac, mac);
    xk_json_put_string(w, "netdev", netdev);
    xk_json_put_string(w, "mac", mac);
    if (vif->mtu != 0 && is_virtio(model))
        xk_json_put_integer(w, "host_mtu", vif->mtu);
    /* The network boot ROM costs time at every start. */
    if (!xk_kvm_boots_from(plan, XK_KVM_BOOT_NETWORK))
        xk_json_put_string(w, "romfile", "");
    xk_kvm_put_boot_index(plan, w, XK_KVM_BOOT_NETWORK);
    xk_kvm_option_close(plan);
    return 0;
}

/* What a card would silently lack. */
static int
refuse_impossible(const struct xk_vif *vif, struct xk_error *err)
{
    if (vif->no_host_loopback)
        return xk_fail(err, XK_ERR_HOST,
                       "hostloopback=0: this QEMU cannot keep a guest on a "
                       "user-mode network from the host's 127.0.0.1");
    if (vif->spoof_check)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "spoofcheck=1: QEMU passes every source address");
    return 0;
}

static int
add_vif(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
        const struct xk_vif *vif, const char *bus, struct xk_error *err)
{
    const struct model *model = model_of(vif, err);
    char id[XK_KVM_CARD_NAME_SIZE], netdev[XK_KVM_NETDEV_NAME_SIZE];
    int r;

    if (model == NULL || refuse_impossible(vif, err) == -1)
        return -1;
    xk_kvm_card_name(vif->devid, id);
    xk_kvm_netdev_name(vif->devid, netdev);
    r = needs_tap(vif) ? xk_kvm_tap_network_add(plan, config, vif,
                                                is_virtio(model), netdev, err)
                       : xk_kvm_user_network_add(plan, vif, netdev, err);
    return r == -1 ? -1 : add_card(plan, vif, model, id, netdev, bus, err);
}

int
xk_kvm_part_vifs(struct xk_kvm_plan *plan,
                 const struct xk_domain_config *config, struct xk_error *err)
{
    char bus[XK_KVM_BUS_MAX];

    while (plan->layout->ports < plan->port_count) {
        if (xk_kvm_port_add(plan, bus, err) == -1)
            return -1;
    }
    for (size_t i = 0; i < config->vif_count; i++) {
        const struct xk_vif *vif = &config->vifs[i];

        if (add_vif(plan, config, vif, NULL, err) == -1 &&
            xk_kvm_part_failed(plan, &vif->where, err) == -1)
            return -1;
    }
    return 0;
}

/* Where a later start could boot from the card, it has a boot ROM, as on a host
 * that it moves to. The boot order of a machine that runs is fixed. */
int
xk_kvm_plan_card(struct xk_kvm_plan *plan,
                 const struct xk_domain_config *config,
                 const struct xk_vif *vif, const char *bus,
                 struct xk_error *err)
{
    const char *order = xk_config_string(config, XK_KEY_BOOT);

    if (model_of(vif, err) == NULL)
        return -1;
    if (!xk_kvm_card_is_mobile(vif))
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "a network card of model %s cannot be plugged into a "
                       "machine that runs; use virtio-net or e1000e",
                       vif->model);
    plan->layout->boot_next[XK_KVM_BOOT_NETWORK] =
        !xk_config_is_set(config, XK_KEY_KERNEL) && order != NULL &&
        strchr(order, 'n') != NULL;
    return add_vif(plan, config, vif, bus, err);
}
