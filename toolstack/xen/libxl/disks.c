/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks that libxl serves: those of a domain made those of a configuration. */
#include <libxl_utils.h>
#include <string.h>

#include "base/cleanup.h"
#include "toolstack/xen/config.h"
#include "toolstack/xen/libxl/call.h"

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

static int
remove_others(struct xk_libxl *call, uint32_t domid, const struct disks *there,
              const struct disks *wanted, bool force)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < there->count; i++) {
        libxl_device_disk *disk = &there->items[i];

        if (find(wanted, disk->vdev) != NULL)
            continue;
        rc = force ? libxl_device_disk_destroy(call->ctx, domid, disk, NULL)
                   : libxl_device_disk_remove(call->ctx, domid, disk, NULL);
    }
    return rc;
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

int
xk_libxl_disks(struct xk_libxl *call, struct xk_error *err)
{
    bool force =
        call->argument_count > 1 && strcmp(call->arguments[1], "force") == 0;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    libxl_domain_config to;
    struct disks there = {0}, wanted;
    uint32_t domid;
    int rc, r;

    if (xk_libxl_domid(call, &domid, err) == -1)
        return -1;
    r = xk_libxl_config(call, &config, &to, err);
    if (r == 0) {
        wanted = (struct disks){to.disks, to.num_disks};
        there.items = libxl_device_disk_list(call->ctx, domid, &there.count);
        rc = remove_others(call, domid, &there, &wanted, force);
        if (rc == 0)
            rc = add_missing(call, domid, &there, &wanted);
        if (rc != 0)
            r = xk_libxl_fail(call, rc, NULL, err, "libxl");
        libxl_device_disk_list_free(there.items, there.count);
    }
    libxl_domain_config_dispose(&to);
    return r;
}
