/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TAP of a network card, which is plugged in here: a "-netdev" of type
 * "tap". */
#include "toolstack/kvm/plan_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "net-helpers/name.h"
#include "net-helpers/tap.h"
#include "toolstack/config/vif_plug.h"
#include "toolstack/kvm/taps.h"

/* The TAP has its usual name at the latest when it is set aside. */
static int
check_name(const struct xk_domain_config *config, const struct xk_vif *vif,
           struct xk_error *err)
{
    XK_CLEANUP_FREE char *usual = xk_kvm_tap_name(&config->uuid, vif->devid);

    if (xk_net_name_check(usual) != NULL)
        return xk_fail(err, XK_ERR_CONFIG,
                       "devid=%d: it may be at most 999, because the TAP of "
                       "the card has it in its name",
                       vif->devid);
    return 0;
}

static int
plug_in(const struct xk_kvm_plan *plan, const struct xk_domain_config *config,
        const struct xk_vif *vif, const char *name, struct xk_error *err)
{
    const struct xk_plug plug = xk_vif_plug(vif);
    struct xk_kvm_plugged plugged;
    int fd = -1, r;

    xk_kvm_plugged_init(&plugged, config, vif, plan->record_dir_fd);
    plugged.card.device = name;
    r = xk_plug_in(&plug, &plugged.card, &fd, 1, plan->deadline, err);
    xk_kvm_plugged_free(&plugged);
    return r == -1 ? -1 : fd;
}

static int
make_tap(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
         const struct xk_vif *vif, const char *name, struct xk_error *err)
{
    const struct xk_plug plug = xk_vif_plug(vif);
    bool bridged = xk_plug_kind(plug.script) == XK_PLUG_BRIDGE;
    const char *on = bridged ? plug.bridge : plug.script;
    bool allowed = xk_tap_allowed();
    int fd = -1;

    if (check_name(config, vif, err) == -1)
        return -1;
    /* Plugging in looks by itself. */
    if ((plan->dry || plan->probe || !allowed) &&
        xk_plug_check(&plug, err) == -1)
        return -1;
    if (plan->dry)
        return xk_kvm_plan_fd(plan, -1, "tap %s on %s", name, on);
    if (!allowed)
        return xk_fail(err, XK_ERR_HOST,
                       "%s \"%s\" needs root (and /dev/net/tun); use "
                       "type=user for a network without",
                       bridged ? "bridge" : "script", on);
    if (!plan->probe) {
        fd = plug_in(plan, config, vif, name, err);
        if (fd == -1)
            return -1;
        XK_GROW(plan->tap_names, plan->tap_count);
        plan->tap_names[plan->tap_count++] = xk_strdup(name);
    }
    return xk_kvm_plan_fd(plan, fd, "tap %s on %s", name, on);
}

/* Use the kernel's data path if the host has it. -1: it is not used. */
static int
add_vhost(struct xk_kvm_plan *plan)
{
    int fd = -1;

    if (plan->probe)
        return -1;
    if (access("/dev/vhost-net", R_OK | W_OK) == -1)
        return -1;
    if (!plan->dry) {
        fd = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
        if (fd == -1)
            return -1;
    }
    return xk_kvm_plan_fd(plan, fd, "vhost-net");
}

static void
put_fd(const struct xk_kvm_plan *plan, struct xk_json_writer *w,
       const char *key, int number)
{
    char name[XK_KVM_FD_NAME_SIZE];

    xk_kvm_plan_fd_name(plan, number, name);
    xk_json_put_string(w, key, name);
}

int
xk_kvm_tap_network_add(struct xk_kvm_plan *plan,
                       const struct xk_domain_config *config,
                       const struct xk_vif *vif, bool virtio, const char *id,
                       struct xk_error *err)
{
    XK_CLEANUP_FREE char *name = xk_kvm_tap_of(config, vif);
    struct xk_json_writer *w;
    int tap, vhost;

    tap = make_tap(plan, config, vif, name, err);
    if (tap == -1)
        return -1;
    vhost = virtio ? add_vhost(plan) : -1;
    w = xk_kvm_option_open(plan, "-netdev");
    xk_json_put_string(w, "type", "tap");
    xk_json_put_string(w, "id", id);
    put_fd(plan, w, "fd", tap);
    if (vhost != -1) {
        xk_json_put_bool(w, "vhost", true);
        put_fd(plan, w, "vhostfd", vhost);
    }
    xk_kvm_option_close(plan);
    return 0;
}
