/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks of an existing domain: attach, change, detach, resize and list. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"
#include "toolstack/config/vdev.h"
#include "toolstack/xen/build.h"
#include "toolstack/xen/device/disk_ours.h"
#include "toolstack/xen/device/vbd.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/ops.h"
#include "xenstore-helpers/paths.h"
#include "xenstore-helpers/xenbus.h"

/* ---- libxl's disks ---- */

static int
list_libxl(struct xk_xen *xen, unsigned domid, struct xk_store_names *names,
           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *libxl = xk_path_libxl(domid);
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/device/vbd", libxl);
    struct xk_error missing = {0};

    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    if (xk_store_list(xen->store, XK_STORE_NO_TX, path, names,
                      xk_xen_store_deadline(deadline), &missing) == 0 ||
        missing.kind == XK_ERR_NOT_FOUND)
        return 0;
    *err = missing;
    return -1;
}

static bool
any_of_libxl(const struct xk_domain_config *config)
{
    for (size_t i = 0; i < config->disk_count; i++) {
        if (!xk_disk_is_ours(config, &config->disks[i]))
            return true;
    }
    return false;
}

static int
sync_libxl(struct xk_xen *xen, const struct xk_record *record, unsigned domid,
           const struct xk_change *change, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};

    if (list_libxl(xen, domid, &names, deadline, err) == -1)
        return -1;
    if (names.count == 0 && !any_of_libxl(change->config))
        return 0;
    return xk_xen_sync_libxl_disks(xen, record, domid, change, deadline, err);
}

int
xk_xen_sync_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const struct xk_change *change, struct xk_deadline deadline,
                  struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1 ||
        xk_vbds_change(xen, domain->record, found.domid, change, deadline,
                       err) == -1)
        return -1;
    return sync_libxl(xen, domain->record, found.domid, change, deadline, err);
}

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
    const struct {
        const char *name;
        uint64_t *to;
    } numbers[] = {
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
    const char *state = xk_json_string(xk_json_get(answer, XK_STATUS_STATE));

    for (size_t i = 0; i < XK_ARRAY_SIZE(numbers); i++)
        *numbers[i].to = xk_json_count(answer, numbers[i].name);
    info->queues = (unsigned)xk_json_count(answer, XK_STATUS_QUEUES);
    info->state = state != NULL ? state : "?";
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

static void
tell_nodes(const struct xk_buf *nodes, unsigned number, xk_disk_told *disk,
           void *context)
{
    const char *texts[NODE_COUNT];
    enum xk_xenbus_state state;
    struct xk_disk_info info = {.number = number};

    for (int i = 0; i < NODE_COUNT; i++)
        texts[i] = nodes[i].data != NULL ? nodes[i].data : "";
    xk_xenbus_state_parse(texts[NODE_STATE], &state);
    info.vdev = texts[NODE_DEV];
    info.target = after_colon(texts[NODE_PARAMS]);
    info.format = "";
    info.backend = texts[NODE_TYPE];
    info.state = xk_xenbus_state_name((int)state);
    info.read_only = strcmp(texts[NODE_MODE], "r") == 0;
    info.cdrom = strcmp(texts[NODE_DEVICE_TYPE], "cdrom") == 0;
    disk(&info, context);
}

static int
tell_libxl(struct xk_xen *xen, unsigned domid, const char *id,
           xk_disk_told *disk, void *context, struct xk_deadline deadline,
           struct xk_error *err)
{
    static const char *const names[] = {
        [NODE_DEV] = "dev",       [NODE_TYPE] = "type",
        [NODE_PARAMS] = "params", [NODE_STATE] = "state",
        [NODE_MODE] = "mode",     [NODE_DEVICE_TYPE] = "device-type",
    };
    static_assert(XK_ARRAY_SIZE(names) == NODE_COUNT, "one name per node");
    XK_CLEANUP_FREE char *libxl = xk_path_libxl(domid);
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/device/vbd/%s/backend", libxl, id);
    XK_CLEANUP_BUF struct xk_buf backend = {0};
    struct xk_buf nodes[NODE_COUNT] = {{0}};
    char *paths[NODE_COUNT];
    uint64_t number = 0;
    int r;

    xk_parse_u64(id, UINT32_MAX, &number);
    if (xk_store_read(xen->store, XK_STORE_NO_TX, path, XK_STORE_VALUE_MAX,
                      &backend, xk_xen_store_deadline(deadline), NULL) == -1)
        return 0; /* the disk has gone in the meantime */
    for (int i = 0; i < NODE_COUNT; i++)
        paths[i] = xk_asprintf("%s/%s", backend.data, names[i]);
    r = xk_store_read_all(
        xen->store, XK_STORE_NO_TX, (const char *const *)paths, NODE_COUNT,
        XK_STORE_VALUE_MAX, nodes, xk_xen_store_deadline(deadline), err);
    if (r == 0)
        tell_nodes(nodes, (unsigned)number, disk, context);
    for (int i = 0; i < NODE_COUNT; i++) {
        xk_buf_free(&nodes[i]);
        free(paths[i]);
    }
    return r;
}

int
xk_xen_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
             xk_disk_told *disk, void *context, struct xk_deadline deadline,
             struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1 ||
        (domain->record != NULL &&
         xk_xen_devices_list(domain->record, &devices, err) == -1) ||
        list_libxl(xen, found.domid, &names, deadline, err) == -1)
        return -1;
    for (size_t i = 0; i < devices.count; i++) {
        const struct xk_xen_device *device = &devices.items[i];

        if (device->kind == &xk_vbd_kind && device->json != NULL)
            tell_ours(device, disk, context, deadline);
    }
    for (size_t i = 0; i < names.count; i++) {
        if (tell_libxl(xen, found.domid, names.items[i], disk, context,
                       deadline, err) == -1)
            return -1;
    }
    return 0;
}
