/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attach disks to an existing domain, change and detach them. A disk that the
 * guest does not release is still served, because the guest still uses it; the
 * other disks are changed all the same.
 */
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "toolstack/config/vdev.h"
#include "toolstack/xen/device/disk_ours.h"
#include "toolstack/xen/device/vbd.h"

enum {
    LET_GO_MS = 10000, /* as long as xl waits for a guest */
    LATE_MS = 2000,    /* if the guest was asked before */
};

static const struct xk_disk *
find_disk(const struct xk_domain_config *config, unsigned number)
{
    for (size_t i = 0; i < config->disk_count; i++) {
        if (xk_disk_number(&config->disks[i]) == number)
            return &config->disks[i];
    }
    return NULL;
}

static int
holds_on(const struct xk_xen_device *device, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_IN_USE,
                   "the guest still uses disk %s, which is detached once the "
                   "guest releases it; --force detaches it now",
                   device->name);
}

/* A guest can only release a disk that is served. */
static int
need_served(const struct xk_xen_device *device, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct xk_error why = {0};

    if (xk_xen_device_is_served(device) ||
        xk_xen_device_start(device, deadline, &why) == 0)
        return 0;
    return xk_fail(err, why.kind,
                   "the guest cannot release disk %s: %s; --force detaches it "
                   "all the same",
                   device->name, why.message);
}

/* Ask the guest to release the disk, and wait: xk-backend ends when the
 * frontend has closed. */
static int
ask_guest(struct xk_xen *xen, const struct xk_xen_device *device,
          int patience_ms, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_deadline patience =
        xk_deadline_min(deadline, xk_deadline_in_ms(patience_ms));

    if (need_served(device, patience, err) == -1)
        return -1;
    fd = xk_xen_device_open_backend(device);
    if (xk_xen_device_ask_to_leave(xen, device, deadline, err) == -1)
        return -1;
    return fd == -1 || xk_deadline_poll(patience, fd, POLLIN, "it", NULL) != -1
               ? 0
               : holds_on(device, err);
}

/* The end of xk-backend does not prove that the guest has released the disk, so
 * look at the backend's state again. */
static int
part(struct xk_xen *xen, const struct xk_xen_device *device, int patience_ms,
     struct xk_deadline deadline, struct xk_error *err)
{
    int left = xk_xen_device_has_left(xen, device, deadline, err);

    if (left == 0 && ask_guest(xen, device, patience_ms, deadline, err) == -1)
        return -1;
    if (left == 0)
        left = xk_xen_device_has_left(xen, device, deadline, err);
    if (left == 0)
        return holds_on(device, err);
    return left == 1 ? 0 : -1;
}

/* Once the guest has released the disk, it cannot be told of a lost write; so
 * report that here. */
static int
let_go(struct xk_xen *xen, const struct xk_xen_device *device, int patience_ms,
       struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error why = {0};

    if (part(xen, device, patience_ms, deadline, err) == -1)
        return -1;
    if (xk_xen_device_settle(device, deadline, &why) == 0)
        return 0;
    return xk_fail(err, why.kind, "%s; --force detaches it all the same",
                   why.message);
}

/* Fail the requests in flight, so that the guest can release the disk. */
static void
let_fail(const struct xk_xen_device *device, struct xk_deadline deadline)
{
    XK_CLEANUP_JSON struct xk_json *answer = xk_xen_device_ask(
        device, XK_DEVICE_ASK(XK_ORDER_LEAVE), deadline, NULL);
}

static int
detach(struct xk_xen *xen, const struct xk_record *record,
       const struct xk_xen_device *device, const struct xk_change *change,
       struct xk_deadline deadline, struct xk_error *err)
{
    bool meant = device->number == change->number;

    if (xk_xen_device_mark_leaving(device, err) == -1)
        return -1;
    if (meant && change->force)
        let_fail(device, deadline);
    else if (let_go(xen, device, meant ? LET_GO_MS : LATE_MS, deadline, err) ==
             -1)
        return -1;
    return xk_xen_device_remove(xen, record, device, deadline, err);
}

/* disk must be an element of config->disks. */
static struct xk_xen_device_wish
wish_for(const struct xk_domain_config *config, const struct xk_disk *disk,
         unsigned domid)
{
    return (struct xk_xen_device_wish){
        .kind = &xk_vbd_kind,
        .domid = domid,
        .config = config,
        .index = (size_t)(disk - config->disks),
    };
}

static int
change_medium(const struct xk_record *record,
              const struct xk_xen_device *device,
              const struct xk_xen_device_wish *wish,
              struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_disk *disk = &wish->config->disks[wish->index];

    if (xk_vbd_check(record->state, disk, false, err) == -1)
        return -1;
    return xk_xen_device_change(record, device, wish, deadline, err);
}

static bool
has_other_medium(const struct xk_xen_device *device, const struct xk_disk *disk)
{
    const char *target = disk->target != NULL ? disk->target : "";

    return disk->cdrom && strcmp(target, xk_vbd_target(device)) != 0;
}

/* A leaving disk that the guest still holds goes once the guest releases it. A
 * change of another disk leaves it alone. */
static bool
is_passed_over(const struct xk_xen_device *device,
               const struct xk_change *change)
{
    return change->number != XK_EVERY_DEVICE &&
           change->number != device->number && xk_xen_device_is_leaving(device);
}

/* The process that marked the disk as leaving may have been killed before it
 * asked the guest. */
static int
remind(struct xk_xen *xen, const struct xk_xen_device *device,
       struct xk_deadline deadline)
{
    struct xk_error ignored;

    xk_xen_device_ask_to_leave(xen, device, deadline, &ignored);
    return 0;
}

static int
change_one(struct xk_xen *xen, const struct xk_record *record, unsigned domid,
           const struct xk_xen_device *device, const struct xk_change *change,
           struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_disk *disk = find_disk(change->config, device->number);
    struct xk_xen_device_wish wish;

    if (xk_xen_device_need_known(device, err) == -1)
        return -1;
    if (device->json == NULL)
        return xk_xen_device_remove(xen, record, device, deadline, err);
    if (is_passed_over(device, change))
        return remind(xen, device, deadline);
    if (disk == NULL || xk_xen_device_is_leaving(device))
        return detach(xen, record, device, change, deadline, err);
    wish = wish_for(change->config, disk, domid);
    if (has_other_medium(device, disk))
        return change_medium(record, device, &wish, deadline, err);
    return xk_xen_device_is_new(device)
               ? xk_xen_device_start_new(xen, device, deadline, err)
               : 0;
}

/* A verb stops at the first disk that cannot be changed. Recovery
 * (XK_EVERY_DEVICE) continues with the others and gets as far as it can. */
static int
change_all(struct xk_xen *xen, const struct xk_record *record, unsigned domid,
           const struct xk_change *change, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    int r = 0;

    if (xk_xen_devices_list(record, &devices, err) == -1)
        return -1;
    for (size_t i = 0; i < devices.count; i++) {
        const struct xk_xen_device *device = &devices.items[i];

        if (device->kind != &xk_vbd_kind ||
            change_one(xen, record, domid, device, change, deadline, err) == 0)
            continue;
        r = -1;
        if (change->number != XK_EVERY_DEVICE)
            break;
    }
    return r;
}

static int
attach_missing(struct xk_xen *xen, const struct xk_record *record,
               unsigned domid, const struct xk_domain_config *config,
               struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    if (xk_xen_devices_list(record, &devices, err) == -1)
        return -1;
    for (size_t i = 0; i < config->disk_count; i++) {
        const struct xk_disk *disk = &config->disks[i];
        const struct xk_xen_device_wish wish = wish_for(config, disk, domid);

        if (!xk_disk_is_ours(config, disk) ||
            xk_xen_devices_find(&devices, &xk_vbd_kind, xk_disk_number(disk)))
            continue;
        if (xk_vbd_check(record->state, disk, false, err) == -1 ||
            xk_xen_device_attach(xen, record, &wish, deadline, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_vbds_change(struct xk_xen *xen, const struct xk_record *record,
               unsigned domid, const struct xk_change *change,
               struct xk_deadline deadline, struct xk_error *err)
{
    int r = change_all(xen, record, domid, change, deadline, err);

    if (r == -1 && change->number != XK_EVERY_DEVICE)
        return -1;
    return attach_missing(xen, record, domid, change->config, deadline, err) ==
                   -1
               ? -1
               : r;
}
