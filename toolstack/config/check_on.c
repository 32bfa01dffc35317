/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of a configuration on a hypervisor: the columns of keys.def for
 * the keys, and the tables here for values and options that stand out.
 */
#include <string.h>

#include "base/util.h"
#include "toolstack/config/domain_config.h"

static bool
on_kvm(const char *hypervisor)
{
    return strcmp(hypervisor, "kvm") == 0;
}

const struct xk_key_fate *
xk_key_fate_on(const struct xk_key_info *info, const char *hypervisor)
{
    return on_kvm(hypervisor) ? &info->kvm : &info->xen;
}

/* Set to what the domain would have without it. */
static bool
asks_nothing(const struct xk_domain_config *config, enum xk_key key)
{
    const struct xk_value *value = &config->values[key];

    if (key == XK_KEY_MAXMEM)
        return config->maxmem_mib == config->memory_mib;
    if (key == XK_KEY_MAXVCPUS)
        return config->maxvcpus == config->vcpus;
    switch (xk_key_info(key)->type) {
    case XK_KEY_BOOL:
        return value->integer == 0;
    case XK_KEY_STRING:
        return *value->text == '\0';
    case XK_KEY_ENUM:
        return strcmp(value->text, "none") == 0 ||
               strcmp(value->text, "0") == 0 ||
               strcmp(value->text, "default") == 0 ||
               strcmp(value->text, "disabled") == 0;
    case XK_KEY_LIST:
    case XK_KEY_NESTED:
        return value->item_count == 0;
    case XK_KEY_INTEGER:
        break;
    }
    return false;
}

static void
check_key(const struct xk_domain_config *config, enum xk_key key,
          const char *hypervisor, struct xk_problems *problems)
{
    const struct xk_key_info *info = xk_key_info(key);
    const struct xk_key_fate *fate = xk_key_fate_on(info, hypervisor);
    const struct xk_location *where = &config->values[key].where;
    bool tuning = (info->flags & XK_KEY_TUNING) != 0;

    switch (fate->fate) {
    case XK_FATE_SAME:
        break;
    case XK_FATE_MAPPED:
        /* A switch that is off is mapped as well. */
        if (info->type == XK_KEY_BOOL || !asks_nothing(config, key))
            xk_problem_add(problems, XK_PROBLEM_NOTE, where,
                           "on %s: %s is mapped: %s", hypervisor, info->name,
                           fate->why);
        break;
    case XK_FATE_IGNORED:
        xk_problem_add(problems, XK_PROBLEM_NOTE, where,
                       "on %s: %s is ignored: %s", hypervisor, info->name,
                       fate->why);
        break;
    case XK_FATE_UNSUPPORTED:
        if (!asks_nothing(config, key))
            xk_problem_add(problems,
                           tuning ? XK_PROBLEM_WARNING : XK_PROBLEM_ERROR,
                           where, "on %s: %s is not supported: %s", hypervisor,
                           info->name, fate->why);
        break;
    }
}

static const struct {
    const char *hypervisor;
    enum xk_key key;
    const char *text; /* the value, or of a list an item's beginning */
    const char *why;
} values[] = {
    {"xen", XK_KEY_TEE, "ffa", "Xen 4.17 does not have it"},
    {"kvm", XK_KEY_FIRMWARE, "rombios", "use seabios"},
    {"kvm", XK_KEY_FIRMWARE, "pvgrub32", "give kernel= and ramdisk="},
    {"kvm", XK_KEY_FIRMWARE, "pvgrub64", "give kernel= and ramdisk="},
    {"kvm", XK_KEY_BIOS, "rombios", "use seabios"},
    {"kvm", XK_KEY_ON_POWEROFF, "soft-reset", "it is for guests of Xen"},
    {"kvm", XK_KEY_ON_REBOOT, "soft-reset", "it is for guests of Xen"},
    {"kvm", XK_KEY_ON_CRASH, "soft-reset", "it is for guests of Xen"},
    {"kvm", XK_KEY_ON_WATCHDOG, "soft-reset", "it is for guests of Xen"},
    {"kvm", XK_KEY_USBDEVICE,
     "host:", "USB devices of the host are not passed through yet"},
};

static void
check_values(const struct xk_domain_config *config, const char *hypervisor,
             struct xk_problems *problems)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(values); i++) {
        const struct xk_value *value = &config->values[values[i].key];
        const char *name = xk_key_info(values[i].key)->name;
        const char *text = values[i].text;

        if (strcmp(hypervisor, values[i].hypervisor) != 0)
            continue;
        if (value->text != NULL && strcmp(value->text, text) == 0)
            xk_problem_add(problems, XK_PROBLEM_ERROR, &value->where,
                           "on %s: %s=\"%s\" is not supported: %s", hypervisor,
                           name, text, values[i].why);
        for (size_t k = 0; k < value->item_count; k++) {
            if (strncmp(value->items[k], text, strlen(text)) == 0)
                xk_problem_add(
                    problems, XK_PROBLEM_ERROR, &value->item_where[k],
                    "on %s: %s \"%.64s\" is not supported: %s", hypervisor,
                    name, value->items[k], values[i].why);
        }
    }
}

/* libxl takes the framebuffers of an HVM guest and does nothing with them. */
static void
check_vfb(const struct xk_domain_config *config, const char *hypervisor,
          struct xk_problems *problems)
{
    const struct xk_value *vfb = &config->values[XK_KEY_VFB];

    if (!on_kvm(hypervisor) && config->type == XK_TYPE_HVM &&
        vfb->item_count > 0)
        xk_problem_add(problems, XK_PROBLEM_WARNING, &vfb->where,
                       "on %s: vfb does nothing for a domain of type \"hvm\": "
                       "write vnc=1 and its like by themselves",
                       hypervisor);
}

/* ---- options of disks and network cards ---- */

static bool
disk_format_of_qemu(const void *device)
{
    const struct xk_disk *disk = device;

    return disk->format == XK_FORMAT_VMDK || disk->format == XK_FORMAT_VDI ||
           disk->format == XK_FORMAT_VHDX ||
           disk->format == XK_FORMAT_PARALLELS;
}

static bool
disk_has_grant_usage(const void *device)
{
    return ((const struct xk_disk *)device)->grant_usage != -1;
}

static bool
disk_is_virtio(const void *device)
{
    return ((const struct xk_disk *)device)->virtio;
}

static bool
disk_has_backend(const void *device)
{
    return ((const struct xk_disk *)device)->backend_domain != NULL;
}

static bool
disk_has_script(const void *device)
{
    return ((const struct xk_disk *)device)->script != NULL;
}

static bool
disk_is_partition(const void *device)
{
    return ((const struct xk_disk *)device)->partition != 0;
}

static bool
disk_is_xvd(const void *device)
{
    const struct xk_disk *disk = device;

    return disk->bus == XK_BUS_XVD && !disk->cdrom;
}

static bool
disk_is_xvd_cdrom(const void *device)
{
    const struct xk_disk *disk = device;

    return disk->bus == XK_BUS_XVD && disk->cdrom;
}

static bool
disk_has_backendtype(const void *device)
{
    return ((const struct xk_disk *)device)->backend != XK_DISK_BACKEND_AUTO;
}

static bool
disk_is_direct_io_safe(const void *device)
{
    return ((const struct xk_disk *)device)->direct_io_safe;
}

static bool
disk_is_untrusted(const void *device)
{
    return ((const struct xk_disk *)device)->untrusted;
}

static bool
vif_is_user(const void *device)
{
    return ((const struct xk_vif *)device)->type == XK_VIF_USER;
}

static bool
vif_is_shut_off(const void *device)
{
    return ((const struct xk_vif *)device)->no_host_loopback;
}

static bool
vif_has_vlan(const void *device)
{
    return ((const struct xk_vif *)device)->vlan != NULL;
}

static bool
vif_has_backend(const void *device)
{
    return ((const struct xk_vif *)device)->backend_domain != NULL;
}

static bool
vif_has_script(const void *device)
{
    return ((const struct xk_vif *)device)->script != NULL;
}

static bool
vif_has_gatewaydev(const void *device)
{
    return ((const struct xk_vif *)device)->gatewaydev != NULL;
}

static bool
vif_has_ip(const void *device)
{
    return ((const struct xk_vif *)device)->ip != NULL;
}

static bool
vif_has_rate(const void *device)
{
    return ((const struct xk_vif *)device)->rate_bytes_per_interval != 0;
}

static bool
vif_is_untrusted(const void *device)
{
    return ((const struct xk_vif *)device)->untrusted;
}

struct option {
    const char *hypervisor;
    bool (*applies)(const void *device);
    enum xk_severity severity;
    const char *text;
};

static const struct option disk_options[] = {
    {"xen", disk_format_of_qemu, XK_PROBLEM_ERROR,
     "this format is not supported: convert the image to raw or qcow2"},
    {"xen", disk_is_virtio, XK_PROBLEM_ERROR,
     "specification=virtio is not supported: guests of Xen on x86 have PV "
     "disks"},
    {"xen", disk_has_grant_usage, XK_PROBLEM_WARNING,
     "grant_usage is ignored: Xen 4.17 does not have it"},
    {"kvm", disk_has_backend, XK_PROBLEM_ERROR,
     "backend is not supported: disks are served by the host"},
    {"kvm", disk_has_script, XK_PROBLEM_ERROR,
     "script is not supported: attach the device to the host first and name "
     "it as the target"},
    {"kvm", disk_is_partition, XK_PROBLEM_ERROR,
     "a partition as a disk is not supported: name a whole disk, such as "
     "xvda"},
    {"kvm", disk_is_xvd, XK_PROBLEM_NOTE,
     "an xvd disk is mapped: it is a virtio disk, which Linux calls vda and so "
     "on"},
    {"kvm", disk_is_xvd_cdrom, XK_PROBLEM_NOTE,
     "an xvd CD-ROM is mapped: it is a SATA drive"},
    {"kvm", disk_has_backendtype, XK_PROBLEM_NOTE,
     "backendtype is ignored: QEMU serves every disk"},
    {"kvm", disk_is_direct_io_safe, XK_PROBLEM_NOTE,
     "direct-io-safe is ignored: direct I/O is safe here"},
    {"kvm", disk_has_grant_usage, XK_PROBLEM_NOTE,
     "grant_usage is ignored: there are no grants"},
    {"kvm", disk_is_untrusted, XK_PROBLEM_NOTE,
     "untrusted is ignored: virtio does not tell the guest"},
};

static const struct option vif_options[] = {
    {"xen", vif_is_user, XK_PROBLEM_ERROR,
     "type=user is not supported: name a bridge"},
    {"xen", vif_has_vlan, XK_PROBLEM_ERROR,
     "vlan is not supported: Xen 4.17 does not have it"},
    {"kvm", vif_has_backend, XK_PROBLEM_ERROR,
     "backend is not supported: network cards are served by the host"},
    {"kvm", vif_has_script, XK_PROBLEM_ERROR,
     "script is not supported: name a bridge, or use type=user"},
    {"kvm", vif_is_shut_off, XK_PROBLEM_ERROR,
     "hostloopback=0 is not possible: QEMU has no switch that keeps a guest on "
     "a user-mode network from 127.0.0.1 of the host; name a bridge"},
    {"kvm", vif_has_gatewaydev, XK_PROBLEM_ERROR,
     "gatewaydev is not supported: name a bridge, or use type=user"},
    {"kvm", vif_has_vlan, XK_PROBLEM_ERROR,
     "vlan is not supported: name a bridge of that VLAN"},
    {"kvm", vif_has_ip, XK_PROBLEM_WARNING,
     "ip is not supported: set the address in the guest"},
    {"kvm", vif_has_rate, XK_PROBLEM_WARNING,
     "rate is not supported: limit the bridge's port with tc(8)"},
    {"kvm", vif_is_untrusted, XK_PROBLEM_NOTE,
     "untrusted is ignored: virtio does not tell the guest"},
};

static void
check_device(const struct option *options, size_t count, const char *hypervisor,
             const void *device, const struct xk_location *where,
             struct xk_problems *problems)
{
    for (size_t i = 0; i < count; i++) {
        size_t before = problems->count;

        if (strcmp(options[i].hypervisor, hypervisor) != 0 ||
            !options[i].applies(device))
            continue;
        xk_problem_add(problems, options[i].severity, where, "on %s: %s",
                       hypervisor, options[i].text);
        /* No fault of the file: another engine could. */
        if (options[i].applies == vif_is_shut_off && problems->count > before)
            problems->items[before].kind = XK_ERR_UNSUPPORTED;
    }
}

void
xk_config_check_on(const struct xk_domain_config *config,
                   const char *hypervisor, struct xk_problems *problems)
{
    for (size_t i = 0; i < XK_KEY_COUNT; i++) {
        if (config->values[i].set)
            check_key(config, (enum xk_key)i, hypervisor, problems);
    }
    check_values(config, hypervisor, problems);
    check_vfb(config, hypervisor, problems);
    for (size_t i = 0; i < config->disk_count; i++)
        check_device(disk_options, XK_ARRAY_SIZE(disk_options), hypervisor,
                     &config->disks[i], &config->disks[i].where, problems);
    for (size_t i = 0; i < config->vif_count; i++)
        check_device(vif_options, XK_ARRAY_SIZE(vif_options), hypervisor,
                     &config->vifs[i], &config->vifs[i].where, problems);
}
