/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaches, changes and detaches the disks that libxl serves, until the domain
 * has those of the configuration. */
#include <libxl_utils.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "toolstack/config/vdev.h"
#include "toolstack/seam/device_ops.h"
#include "toolstack/xen/libxl/call.h"
#include "toolstack/xen/to_libxl/config.h"

struct disks {
    libxl_device_disk *items;
    int count;
};

static libxl_device_disk *
find(const struct disks *disks, const char *vdev)
{
    for (int i = 0; i < disks->count; i++) {
        if (strcmp(disks->items[i].vdev, vdev) == 0)
            return &disks->items[i];
    }
    return NULL;
}

static bool
same_medium(const libxl_device_disk *a, const libxl_device_disk *b)
{
    bool has_a = a->pdev_path != NULL && a->pdev_path[0] != '\0';
    bool has_b = b->pdev_path != NULL && b->pdev_path[0] != '\0';

    return has_a == has_b &&
           (!has_a || strcmp(a->pdev_path, b->pdev_path) == 0);
}

/* Which of the unwanted disks to detach, and how. */
struct detach {
    bool force;
    uint64_t number; /* one disk, or XK_EVERY_DEVICE */
};

/* Other unwanted disks were asked to leave by an earlier call. */
static bool
is_meant(const libxl_device_disk *disk, const struct detach *detach)
{
    struct xk_vdev vdev = {0};

    return detach->number == XK_EVERY_DEVICE ||
           (xk_vdev_parse(disk->vdev, &vdev) &&
            xk_vdev_number(&vdev) == detach->number);
}

/* Detach the disks that are not wanted. If the guest does not release one, the
 * others are detached all the same. Returns the first failure. */
static int
remove_others(struct xk_libxl *call, uint32_t domid, const struct disks *there,
              const struct disks *wanted, const struct detach *detach)
{
    int first = 0;

    for (int i = 0; i < there->count; i++) {
        libxl_device_disk *disk = &there->items[i];
        int rc;

        if (find(wanted, disk->vdev) != NULL || !is_meant(disk, detach))
            continue;
        rc = detach->force
                 ? libxl_device_disk_destroy(call->ctx, domid, disk, NULL)
                 : libxl_device_disk_remove(call->ctx, domid, disk, NULL);
        first = first != 0 ? first : rc;
    }
    return first;
}

static int
add_missing(struct xk_libxl *call, uint32_t domid, const struct disks *there,
            const struct disks *wanted)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < wanted->count; i++) {
        libxl_device_disk *disk = &wanted->items[i];
        const libxl_device_disk *old = find(there, disk->vdev);

        if (old == NULL)
            rc = libxl_device_disk_add(call->ctx, domid, disk, NULL);
        else if (disk->is_cdrom && !same_medium(old, disk))
            rc = libxl_cdrom_insert(call->ctx, domid, disk, NULL);
    }
    return rc;
}

static int
change_disks(struct xk_libxl *call, uint32_t domid, const struct disks *there,
             const struct disks *wanted, const struct detach *detach)
{
    int removed = remove_others(call, domid, there, wanted, detach);
    int added;

    if (removed != 0 && detach->number != XK_EVERY_DEVICE)
        return removed;
    added = add_missing(call, domid, there, wanted);
    return removed != 0 ? removed : added;
}

static int
take_detach(const struct xk_libxl *call, struct detach *detach,
            struct xk_error *err)
{
    if (call->argument_count < 3 ||
        !xk_parse_u64(call->arguments[2], UINT32_MAX, &detach->number))
        return xk_fail(err, XK_ERR_USAGE, "which disk?");
    detach->force = strcmp(call->arguments[1], "force") == 0;
    return 0;
}

int
xk_libxl_disks(struct xk_libxl *call, struct xk_error *err)
{
    struct detach detach = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    libxl_domain_config to;
    struct disks there = {0}, wanted;
    uint32_t domid;
    int rc, r;

    if (xk_libxl_domid(call, &domid, err) == -1 ||
        take_detach(call, &detach, err) == -1)
        return -1;
    r = xk_libxl_config(call, &config, &to, err);
    if (r == 0) {
        wanted = (struct disks){to.disks, to.num_disks};
        there.items = libxl_device_disk_list(call->ctx, domid, &there.count);
        rc = change_disks(call, domid, &there, &wanted, &detach);
        if (rc != 0)
            r = xk_libxl_fail(call, rc, NULL, err, "libxl");
        libxl_device_disk_list_free(there.items, there.count);
    }
    libxl_domain_config_dispose(&to);
    return r;
}
