/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks of an existing domain, resized and listed. */
#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "contracts/disk.h"
#include "toolstack/config/vdev.h"
#include "toolstack/xen/device/vbd.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/libxl_devices.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/ops.h"
#include "xenstore-helpers/xenbus.h"

static int
grow_image(const struct xk_xen_device *device, uint64_t bytes,
           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer =
        xk_xen_device_ask(device, XK_DEVICE_ASK_STATUS, deadline, err);
    int64_t now;

    if (answer == NULL)
        return -1;
    if (!xk_json_integer(xk_json_get(answer, XK_STATUS_IMAGE_BYTES), &now))
        return xk_fail(err, XK_ERR_PROTOCOL, "xk-backend reports no size");
    if ((uint64_t)now > bytes)
        return xk_fail(err, XK_ERR_USAGE,
                       "\"%s\" has %lld bytes; an image is not made smaller",
                       xk_vbd_target(device), (long long)now);
    return xk_vbd_resize(device, bytes, deadline, err);
}

int
xk_xen_resize_disk(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   const struct xk_disk *disk, uint64_t bytes,
                   struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_xen_device *device;

    (void)hv;
    if (xk_xen_devices_list(domain->record, &devices, err) == -1)
        return -1;
    device = xk_xen_devices_find(&devices, &xk_vbd_kind, xk_disk_number(disk));
    if (device != NULL && xk_xen_device_need_known(device, err) == -1)
        return -1;
    if (device == NULL || device->json == NULL)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "disk %s is not served by xk-backend: only disks that "
                       "it serves can be resized while the guest runs",
                       disk->vdev);
    if (bytes != 0)
        return grow_image(device, bytes, deadline, err);
    answer = xk_xen_device_ask(device, XK_DEVICE_ASK(XK_ORDER_RESIZE), deadline,
                               err);
    return answer == NULL ? -1 : 0;
}

/* ---- listing ---- */

static void
take_status(const struct xk_json *answer, struct xk_disk_info *info)
{
    const struct xk_xen_device_count counts[] = {
        {XK_STATUS_IMAGE_BYTES, &info->bytes},
        {XK_STATUS_READ_REQUESTS, &info->read_requests},
        {XK_STATUS_READ_BYTES, &info->read_bytes},
        {XK_STATUS_WRITE_REQUESTS, &info->write_requests},
        {XK_STATUS_WRITE_BYTES, &info->write_bytes},
        {XK_STATUS_FLUSH_REQUESTS, &info->flush_requests},
        {XK_STATUS_DISCARD_REQUESTS, &info->discard_requests},
        {XK_STATUS_ERRORS, &info->errors},
        {XK_STATUS_INFLIGHT, &info->inflight},
    };

    xk_xen_device_take_counts(answer, counts, XK_ARRAY_SIZE(counts));
    info->queues = (unsigned)xk_json_count(answer, XK_STATUS_QUEUES);
    info->state = xk_xen_device_state(answer);
    info->reason = xk_json_string(xk_json_get(answer, XK_STATUS_REASON));
    info->known = true;
}

static void
tell_ours(const struct xk_xen_device *device, xk_disk_told *disk, void *context,
          struct xk_deadline deadline)
{
    const char *target = xk_vbd_target(device);
    struct xk_disk_info info = {
        .vdev = device->name,
        .number = device->number,
        .target = target[0] != '\0' ? target : NULL,
        .format = xk_vbd_format(device),
        .backend = "xk",
        .state = "not served",
        .read_only =
            xk_json_is_true(xk_json_get(device->json, XK_DISK_READ_ONLY)),
        .cdrom = xk_vbd_is_cdrom(device),
    };
    struct xk_error why = {0};
    XK_CLEANUP_JSON struct xk_json *answer =
        xk_xen_device_ask(device, XK_DEVICE_ASK_STATUS, deadline, NULL);

    if (answer != NULL)
        take_status(answer, &info);
    else if (xk_vbd_waits_for_image(device, &why)) {
        info.state = "waiting";
        info.reason = why.message;
    }
    if (xk_xen_device_is_leaving(device))
        info.state = "leaving";
    disk(&info, context);
}

enum {
    NODE_DEV,
    NODE_TYPE,
    NODE_PARAMS,
    NODE_STATE,
    NODE_MODE,
    NODE_DEVICE_TYPE,
    NODE_COUNT,
};

/* Skip the format that precedes the path in "aio:/path" and "qcow2:/path". */
static const char *
after_colon(const char *params)
{
    const char *slash = strchr(params, '/');
    const char *colon = strchr(params, ':');

    return colon != NULL && (slash == NULL || colon < slash) ? colon + 1
                                                             : params;
}

struct telling {
    xk_disk_told *disk;
    void *context;
};

static void
tell_libxl(const struct xk_xen_libxl_device *device, void *context)
{
    const struct telling *telling = context;
    const char *const *texts = device->texts;
    enum xk_xenbus_state state;
    struct xk_disk_info info = {.number = device->number};

    xk_xenbus_state_parse(texts[NODE_STATE], &state);
    info.vdev = texts[NODE_DEV];
    info.target = after_colon(texts[NODE_PARAMS]);
    info.format = "";
    info.backend = texts[NODE_TYPE];
    info.state = xk_xenbus_state_name((int)state);
    info.read_only = strcmp(texts[NODE_MODE], "r") == 0;
    info.cdrom = strcmp(texts[NODE_DEVICE_TYPE], "cdrom") == 0;
    telling->disk(&info, telling->context);
}

int
xk_xen_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
             xk_disk_told *disk, void *context, struct xk_deadline deadline,
             struct xk_error *err)
{
    static const char *const names[] = {
        [NODE_DEV] = "dev",       [NODE_TYPE] = "type",
        [NODE_PARAMS] = "params", [NODE_STATE] = "state",
        [NODE_MODE] = "mode",     [NODE_DEVICE_TYPE] = "device-type",
    };
    static_assert(XK_ARRAY_SIZE(names) == NODE_COUNT, "one name per node");
    struct xk_xen *xen = xk_xen(hv);
    struct telling telling = {disk, context};
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1 ||
        (domain->record != NULL &&
         xk_xen_devices_list(domain->record, &devices, err) == -1))
        return -1;
    for (size_t i = 0; i < devices.count; i++) {
        const struct xk_xen_device *device = &devices.items[i];

        if (device->kind == &xk_vbd_kind && device->json != NULL)
            tell_ours(device, disk, context, deadline);
    }
    return xk_xen_libxl_tell(xen, found.domid, xk_vbd_kind.front, names,
                             NODE_COUNT, tell_libxl, &telling, deadline, err);
}
