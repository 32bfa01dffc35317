/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TAP of a network card on a bridge: a "-netdev" of type "tap". */
#include "toolstack/kvm/plan_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "net-helpers/name.h"
#include "net-helpers/tap.h"
#include "toolstack/kvm/taps.h"

enum {
    NET_DEADLINE_MS = 5000
};

static int
check_name(const char *name, struct xk_error *err)
{
    if (xk_net_name_check(name) != NULL)
        return xk_fail(err, XK_ERR_CONFIG,
                       "\"%s\" is not a name for a network device", name);
    return 0;
}

static int
make_tap(struct xk_kvm_plan *plan, const struct xk_vif *vif, const char *name,
         const char *bridge, struct xk_error *err)
{
    int fd = -1;

    if (check_name(name, err) == -1)
        return -1;
    if (plan->dry)
        return xk_kvm_plan_fd(plan, -1, "tap %s on %s", name, bridge);
    if (!xk_tap_allowed())
        return xk_fail(err, XK_ERR_HOST,
                       "bridge \"%s\" needs root (and /dev/net/tun); use "
                       "type=user for a network without",
                       bridge);
    if (!plan->probe) {
        fd = xk_tap_create(name, bridge, vif->mtu,
                           xk_deadline_in_ms(NET_DEADLINE_MS), err);
        if (fd == -1)
            return -1;
        XK_GROW(plan->tap_names, plan->tap_count);
        plan->tap_names[plan->tap_count++] = xk_strdup(name);
    }
    return xk_kvm_plan_fd(plan, fd, "tap %s on %s", name, bridge);
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
xk_kvm_bridge_network_add(struct xk_kvm_plan *plan,
                          const struct xk_domain_config *config,
                          const struct xk_vif *vif, bool virtio,
                          const char *bridge, const char *id,
                          struct xk_error *err)
{
    XK_CLEANUP_FREE char *name = xk_kvm_tap_of(config, vif);
    struct xk_json_writer *w;
    int tap, vhost;

    tap = make_tap(plan, vif, name, bridge, err);
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
