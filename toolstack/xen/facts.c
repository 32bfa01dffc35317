/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/facts.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "toolstack/config/vif_plug.h"

#define XK_FATES "toolstack/xen/fates.def"
#include "toolstack/config/fate_table.def"

static const struct xk_value_fate value_fates[] = {
    {XK_KEY_TEE, "ffa", "Xen 4.17 does not have it"},
};

/* libxl takes the framebuffers of an HVM guest and does nothing with them. */
static bool
hvm_has_vfb(const struct xk_domain_config *config)
{
    return config->type == XK_TYPE_HVM &&
           config->values[XK_KEY_VFB].item_count > 0;
}

static const struct xk_domain_fate domain_fates[] = {
    {hvm_has_vfb,
     XK_KEY_VFB,
     {.severity = XK_PROBLEM_WARNING,
      .text = "vfb does nothing for a domain of type \"hvm\": write vnc=1 and "
              "its like by themselves"}},
};

/* ---- disks ---- */

static bool
disk_format_of_qemu(const struct xk_disk *disk)
{
    return disk->format == XK_FORMAT_VMDK || disk->format == XK_FORMAT_VDI ||
           disk->format == XK_FORMAT_VHDX ||
           disk->format == XK_FORMAT_PARALLELS;
}

static bool
disk_has_grant_usage(const struct xk_disk *disk)
{
    return disk->grant_usage != -1;
}

static bool
disk_is_virtio(const struct xk_disk *disk)
{
    return disk->virtio;
}

static const struct xk_disk_fate disk_fates[] = {
    {disk_format_of_qemu,
     {.severity = XK_PROBLEM_ERROR,
      .text =
          "this format is not supported: convert the image to raw or qcow2"}},
    {disk_is_virtio,
     {.severity = XK_PROBLEM_ERROR,
      .text = "specification=virtio is not supported: guests of Xen on x86 "
              "have PV disks"}},
    {disk_has_grant_usage,
     {.severity = XK_PROBLEM_WARNING,
      .text = "grant_usage is ignored: Xen 4.17 does not have it"}},
};

/* ---- network cards ---- */

static bool
vif_is_user_of_linux(const struct xk_vif *vif)
{
    return vif->type == XK_VIF_USER && vif->backend == XK_VIF_BACKEND_LINUX;
}

static bool
vif_has_vlan(const struct xk_vif *vif)
{
    return vif->vlan != NULL;
}

static bool
vif_has_spoof_check_of_linux(const struct xk_vif *vif)
{
    return vif->spoof_check && vif->backend != XK_VIF_BACKEND_XK;
}

/* What xk-backend does not do for a card yet. */
static bool
vif_is_beyond_xk(const struct xk_vif *vif)
{
    return (vif->backend == XK_VIF_BACKEND_XK || vif->type == XK_VIF_USER) &&
           (vif->type == XK_VIF_IOEMU || vif->backend_domain != NULL);
}

static bool
vif_is_of_xk(const struct xk_vif *vif)
{
    return vif->backend == XK_VIF_BACKEND_XK && vif->type != XK_VIF_USER;
}

static bool
vif_is_user_of_xk(const struct xk_vif *vif)
{
    return vif->type == XK_VIF_USER && !vif_is_user_of_linux(vif);
}

static bool
vif_is_user_with_plug(const struct xk_vif *vif)
{
    return vif->type == XK_VIF_USER &&
           (vif->script != NULL || vif->gatewaydev != NULL || vif->ip != NULL);
}

static bool
vif_of_xk_has_idle_address(const struct xk_vif *vif)
{
    return vif_is_of_xk(vif) && xk_vif_has_idle_address(vif);
}

static bool
vif_is_user_with_name(const struct xk_vif *vif)
{
    return vif->type == XK_VIF_USER && vif->vifname != NULL;
}

static const struct xk_vif_fate vif_fates[] = {
    {vif_is_beyond_xk,
     {.severity = XK_PROBLEM_ERROR,
      .text = "backendtype=xk and type=user are not supported with type=ioemu "
              "or backend"}},
    {vif_is_user_with_plug,
     {.severity = XK_PROBLEM_ERROR,
      .text = "type=user is not supported with script, gatewaydev or ip: leave "
              "them out"}},
    {vif_of_xk_has_idle_address,
     {.severity = XK_PROBLEM_ERROR,
      .text = "ip and gatewaydev are for script=vif-route or a script of your "
              "own: name one, or leave them out"}},
    {vif_has_spoof_check_of_linux,
     {.severity = XK_PROBLEM_ERROR,
      .text = "spoofcheck=1 needs backendtype=xk: Linux's backend passes every "
              "source address"}},
    {vif_is_user_of_linux,
     {.severity = XK_PROBLEM_ERROR,
      .text = "type=user is not supported with backendtype=linux: leave the "
              "latter out"}},
    {vif_is_user_with_name,
     {.severity = XK_PROBLEM_NOTE,
      .text = "vifname is ignored: a user-mode network is not a device of the "
              "host"}},
    {vif_has_vlan,
     {.severity = XK_PROBLEM_ERROR,
      .text = "vlan is not supported: name a bridge of that VLAN, or give "
              "script=vif-openvswitch and bridge=SWITCH.VLAN"}},
};

static const struct xk_vif_fate hvm_vif_fates[] = {
    {vif_is_of_xk,
     {.severity = XK_PROBLEM_ERROR,
      .text =
          "backendtype=xk is for domains of type pv and pvh: leave it out"}},
    {vif_is_user_of_xk,
     {.severity = XK_PROBLEM_ERROR,
      .text = "type=user is for domains of type pv and pvh: name a bridge"}},
};

/* ---- the driver ---- */

/* Xen's own word for "this is a control domain" (xenfs). */
static bool
is_xen_dom0(void)
{
    char text[64];
    int fd = open("/proc/xen/capabilities", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd != -1)
        close(fd);
    if (length <= 0)
        return false;
    text[length] = '\0';
    return strstr(text, "control_d") != NULL;
}

const struct xk_driver_facts xk_xen_facts = {
    .name = "xen",
    .title = "Xen",
    .is_at_home = is_xen_dom0,
    .keys = key_fates,
    .values = value_fates,
    .value_count = XK_ARRAY_SIZE(value_fates),
    .domains = domain_fates,
    .domain_count = XK_ARRAY_SIZE(domain_fates),
    .disks = disk_fates,
    .disk_count = XK_ARRAY_SIZE(disk_fates),
    .vifs = vif_fates,
    .vif_count = XK_ARRAY_SIZE(vif_fates),
    .hvm_vifs = hvm_vif_fates,
    .hvm_vif_count = XK_ARRAY_SIZE(hvm_vif_fates),
    .plugs_in = vif_is_of_xk, /* other cards are libxl's */
};
