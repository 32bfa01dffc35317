/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/to_libxl/config_devices.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/device/disk_ours.h"
#include "toolstack/xen/device/vif_ours.h"
#include "toolstack/xen/to_libxl/config_options.h"

/* The formats that libxl supports; the others are 0, LIBXL_DISK_FORMAT_UNKNOWN.
 */
static const libxl_disk_format formats[XK_FORMAT_COUNT] = {
    [XK_FORMAT_RAW] = LIBXL_DISK_FORMAT_RAW,
    [XK_FORMAT_QCOW] = LIBXL_DISK_FORMAT_QCOW,
    [XK_FORMAT_QCOW2] = LIBXL_DISK_FORMAT_QCOW2,
    [XK_FORMAT_QED] = LIBXL_DISK_FORMAT_QED,
    [XK_FORMAT_VHD] = LIBXL_DISK_FORMAT_VHD,
    [XK_FORMAT_EMPTY] = LIBXL_DISK_FORMAT_EMPTY,
};

static const libxl_disk_backend backends[] = {
    [XK_DISK_BACKEND_AUTO] = LIBXL_DISK_BACKEND_UNKNOWN,
    [XK_DISK_BACKEND_PHY] = LIBXL_DISK_BACKEND_PHY,
    [XK_DISK_BACKEND_QDISK] = LIBXL_DISK_BACKEND_QDISK,
    [XK_DISK_BACKEND_TAP] = LIBXL_DISK_BACKEND_TAP,
    [XK_DISK_BACKEND_STANDALONE] = LIBXL_DISK_BACKEND_STANDALONE,
};
static_assert(XK_ARRAY_SIZE(backends) == XK_DISK_BACKEND_COUNT,
              "one row per backend");

static int
put_disk(const struct xk_disk *disk, libxl_device_disk *to,
         struct xk_error *err)
{
    libxl_device_disk_init(to);
    if (formats[disk->format] == LIBXL_DISK_FORMAT_UNKNOWN)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "disk %s: libxl cannot serve the format %s: convert the "
                       "image with qemu-img",
                       disk->vdev, xk_disk_format_name(disk->format));
    if (disk->virtio)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "disk %s: virtio disks are not served on xen",
                       disk->vdev);
    to->pdev_path = xk_xen_copy(disk->target);
    to->vdev = xk_xen_copy(disk->vdev);
    to->format = formats[disk->format];
    to->backend = backends[disk->backend];
    to->backend_domname = xk_xen_copy(disk->backend_domain);
    to->script = xk_xen_copy(disk->script);
    to->readwrite = disk->read_write;
    to->is_cdrom = disk->cdrom;
    to->removable = disk->cdrom;
    to->direct_io_safe = disk->direct_io_safe;
    if (!disk->discard)
        libxl_defbool_set(&to->discard_enable, false);
    if (disk->untrusted)
        libxl_defbool_set(&to->trusted, false);
    return 0;
}

static int
put_vif(const struct xk_vif *vif, libxl_device_nic *to, struct xk_error *err)
{
    static const libxl_nic_type types[] = {
        [XK_VIF_DEFAULT] = LIBXL_NIC_TYPE_UNKNOWN,
        [XK_VIF_IOEMU] = LIBXL_NIC_TYPE_VIF_IOEMU,
        [XK_VIF_PV] = LIBXL_NIC_TYPE_VIF,
    };
    static_assert(XK_ARRAY_SIZE(types) == XK_VIF_USER,
                  "one row per type that libxl has");

    libxl_device_nic_init(to);
    if (vif->type == XK_VIF_USER || vif->vlan != NULL)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "vif %d: libxl has no %s: leave it out", vif->devid,
                       vif->vlan != NULL ? "vlan=" : "type=user");
    to->devid = vif->devid;
    memcpy(to->mac, vif->mac, sizeof(vif->mac));
    to->nictype = types[vif->type];
    to->bridge = xk_xen_copy(vif->bridge);
    to->gatewaydev = xk_xen_copy(vif->gatewaydev);
    to->model = xk_xen_copy(vif->model);
    to->ifname = xk_xen_copy(vif->vifname);
    to->script = xk_xen_copy(vif->script);
    to->ip = xk_xen_copy(vif->ip);
    to->backend_domname = xk_xen_copy(vif->backend_domain);
    to->rate_bytes_per_interval = vif->rate_bytes_per_interval;
    to->rate_interval_usecs = vif->rate_interval_us;
    to->mtu = (int)vif->mtu;
    if (vif->untrusted)
        libxl_defbool_set(&to->trusted, false);
    return 0;
}

int
xk_xen_config_devices(const struct xk_domain_config *config,
                      libxl_domain_config *to, struct xk_error *err)
{
    to->disks = xk_calloc(config->disk_count, sizeof(*to->disks));
    to->nics = xk_calloc(config->vif_count, sizeof(*to->nics));
    for (size_t i = 0; i < config->disk_count; i++) {
        if (xk_disk_is_ours(config, &config->disks[i]))
            continue;
        if (put_disk(&config->disks[i], &to->disks[to->num_disks++], err) == -1)
            return -1;
    }
    for (size_t i = 0; i < config->vif_count; i++) {
        if (xk_vif_is_ours(&config->vifs[i]))
            continue;
        if (put_vif(&config->vifs[i], &to->nics[to->num_nics++], err) == -1)
            return -1;
    }
    return 0;
}
