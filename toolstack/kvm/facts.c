/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/facts.h"

#include <assert.h>

#include "base/util.h"
#include "toolstack/config/vif_plug.h"

#define XK_FATES "toolstack/kvm/fates.def"
#include "toolstack/config/fate_table.def"

static const struct xk_value_fate value_fates[] = {
    {XK_KEY_FIRMWARE, "rombios", "use seabios"},
    {XK_KEY_FIRMWARE, "pvgrub32", "give kernel= and ramdisk="},
    {XK_KEY_FIRMWARE, "pvgrub64", "give kernel= and ramdisk="},
    {XK_KEY_BIOS, "rombios", "use seabios"},
    {XK_KEY_ON_POWEROFF, "soft-reset", "it is for guests of Xen"},
    {XK_KEY_ON_REBOOT, "soft-reset", "it is for guests of Xen"},
    {XK_KEY_ON_CRASH, "soft-reset", "it is for guests of Xen"},
    {XK_KEY_ON_WATCHDOG, "soft-reset", "it is for guests of Xen"},
    {XK_KEY_USBDEVICE,
     "host:", "USB devices of the host are not passed through yet"},
};

/* ---- disks ---- */

static bool
disk_has_grant_usage(const struct xk_disk *disk)
{
    return disk->grant_usage != -1;
}

static bool
disk_has_backend(const struct xk_disk *disk)
{
    return disk->backend_domain != NULL;
}

static bool
disk_has_script(const struct xk_disk *disk)
{
    return disk->script != NULL;
}

static bool
disk_is_partition(const struct xk_disk *disk)
{
    return disk->partition != 0;
}

static bool
disk_is_xvd(const struct xk_disk *disk)
{
    return disk->bus == XK_BUS_XVD && !disk->cdrom;
}

static bool
disk_is_xvd_cdrom(const struct xk_disk *disk)
{
    return disk->bus == XK_BUS_XVD && disk->cdrom;
}

static bool
disk_has_backendtype(const struct xk_disk *disk)
{
    return disk->backend != XK_DISK_BACKEND_AUTO;
}

static bool
disk_is_direct_io_safe(const struct xk_disk *disk)
{
    return disk->direct_io_safe;
}

static bool
disk_is_untrusted(const struct xk_disk *disk)
{
    return disk->untrusted;
}

static const struct xk_disk_fate disk_fates[] = {
    {disk_has_backend,
     {.severity = XK_PROBLEM_ERROR,
      .text = "backend is not supported: disks are served by the host"}},
    {disk_has_script,
     {.severity = XK_PROBLEM_ERROR,
      .text = "script is not supported: attach the device to the host first "
              "and name it as the target"}},
    {disk_is_partition,
     {.severity = XK_PROBLEM_ERROR,
      .text = "a partition as a disk is not supported: name a whole disk, such "
              "as xvda"}},
    {disk_is_xvd,
     {.severity = XK_PROBLEM_NOTE,
      .text = "an xvd disk is mapped: it is a virtio disk, which Linux calls "
              "vda and so on"}},
    {disk_is_xvd_cdrom,
     {.severity = XK_PROBLEM_NOTE,
      .text = "an xvd CD-ROM is mapped: it is a SATA drive"}},
    {disk_has_backendtype,
     {.severity = XK_PROBLEM_NOTE,
      .text = "backendtype is ignored: QEMU serves every disk"}},
    {disk_is_direct_io_safe,
     {.severity = XK_PROBLEM_NOTE,
      .text = "direct-io-safe is ignored: direct I/O is safe here"}},
    {disk_has_grant_usage,
     {.severity = XK_PROBLEM_NOTE,
      .text = "grant_usage is ignored: there are no grants"}},
    {disk_is_untrusted,
     {.severity = XK_PROBLEM_NOTE,
      .text = "untrusted is ignored: virtio does not tell the guest"}},
};

/* ---- network cards ---- */

static bool
vif_is_shut_off(const struct xk_vif *vif)
{
    return vif->no_host_loopback;
}

static bool
vif_has_spoof_check(const struct xk_vif *vif)
{
    return vif->spoof_check;
}

static bool
vif_has_vlan(const struct xk_vif *vif)
{
    return vif->vlan != NULL;
}

static bool
vif_has_backendtype(const struct xk_vif *vif)
{
    return vif->backend != XK_VIF_BACKEND_AUTO;
}

static bool
vif_has_backend(const struct xk_vif *vif)
{
    return vif->backend_domain != NULL;
}

static bool
vif_is_user_with_script(const struct xk_vif *vif)
{
    return vif->type == XK_VIF_USER && vif->script != NULL;
}

static bool
vif_has_idle_gatewaydev(const struct xk_vif *vif)
{
    return vif->gatewaydev != NULL && xk_vif_has_idle_address(vif);
}

static bool
vif_has_idle_ip(const struct xk_vif *vif)
{
    return vif->ip != NULL && xk_vif_has_idle_address(vif);
}

static bool
vif_has_rate(const struct xk_vif *vif)
{
    return vif->rate_bytes_per_interval != 0;
}

static bool
vif_is_untrusted(const struct xk_vif *vif)
{
    return vif->untrusted;
}

static const struct xk_vif_fate vif_fates[] = {
    {vif_has_backendtype,
     {.severity = XK_PROBLEM_NOTE,
      .text = "backendtype is ignored: QEMU serves every card"}},
    {vif_has_backend,
     {.severity = XK_PROBLEM_ERROR,
      .text =
          "backend is not supported: network cards are served by the host"}},
    {vif_is_user_with_script,
     {.severity = XK_PROBLEM_ERROR,
      .text = "script is not supported with type=user: leave one of them "
              "out"}},
    {vif_is_shut_off,
     {.severity = XK_PROBLEM_ERROR,
      .text = "hostloopback=0 is not possible: QEMU has no switch that keeps a "
              "guest on a user-mode network from 127.0.0.1 of the host; name a "
              "bridge",
      .unsupported = true}},
    {vif_has_spoof_check,
     {.severity = XK_PROBLEM_ERROR,
      .text = "spoofcheck=1 is not possible: QEMU passes every source address",
      .unsupported = true}},
    {vif_has_idle_gatewaydev,
     {.severity = XK_PROBLEM_ERROR,
      .text = "gatewaydev is for script=vif-route or a script of your own: "
              "name one, a bridge, or use type=user"}},
    {vif_has_vlan,
     {.severity = XK_PROBLEM_ERROR,
      .text = "vlan is not supported: name a bridge of that VLAN"}},
    {vif_has_idle_ip,
     {.severity = XK_PROBLEM_WARNING,
      .text = "ip is for script=vif-route or a script of your own: set the "
              "address in the guest"}},
    {vif_has_rate,
     {.severity = XK_PROBLEM_WARNING,
      .text = "rate is not supported: limit the bridge's port with tc(8)"}},
    {vif_is_untrusted,
     {.severity = XK_PROBLEM_NOTE,
      .text = "untrusted is ignored: virtio does not tell the guest"}},
};

static bool
plugs_in(const struct xk_vif *vif)
{
    return vif->type != XK_VIF_USER;
}

const struct xk_driver_facts xk_kvm_facts = {
    .name = "kvm",
    .title = "KVM",
    .keys = key_fates,
    .values = value_fates,
    .value_count = XK_ARRAY_SIZE(value_fates),
    .disks = disk_fates,
    .disk_count = XK_ARRAY_SIZE(disk_fates),
    .vifs = vif_fates,
    .vif_count = XK_ARRAY_SIZE(vif_fates),
    .plugs_in = plugs_in,
};
