/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaches, changes and detaches the devices of a kind that libxl serves, until
 * the domain has those of the configuration. */
#include <libxl_utils.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/number.h"
#include "toolstack/config/vdev.h"
#include "toolstack/seam/device_ops.h"
#include "toolstack/xen/libxl/call.h"
#include "toolstack/xen/to_libxl/config.h"

/* libxl's devices of a kind. */
struct devices {
    void *items;
    int count;
};

/* What libxl does to them; `item` is one of its structs. */
struct kind {
    size_t size; /* of an item */
    struct devices (*there)(libxl_ctx *ctx, uint32_t domid);
    void (*free)(struct devices *there);
    struct devices (*wanted)(const libxl_domain_config *config);
    uint64_t (*number)(const void *item);
    int (*add)(libxl_ctx *ctx, uint32_t domid, void *item);
    int (*remove)(libxl_ctx *ctx, uint32_t domid, void *item);
    int (*destroy)(libxl_ctx *ctx, uint32_t domid, void *item);
    /* Make the device, which is there, what is wanted. NULL: it is. */
    int (*change)(libxl_ctx *ctx, uint32_t domid, const void *there,
                  void *wanted);
};

/* One change of a domain's devices. */
struct work {
    const struct kind *kind;
    libxl_ctx *ctx;
    uint32_t domid;
    struct devices there, wanted;
    /* Which of the unwanted devices to detach, and how. */
    bool force;
    uint64_t number; /* one device, or XK_EVERY_DEVICE */
};

/* ---- any kind ---- */

static void *
item(const struct work *work, const struct devices *devices, int index)
{
    return (char *)devices->items + (size_t)index * work->kind->size;
}

static void *
find(const struct work *work, const struct devices *devices, uint64_t number)
{
    for (int i = 0; i < devices->count; i++) {
        void *device = item(work, devices, i);

        if (work->kind->number(device) == number)
            return device;
    }
    return NULL;
}

/* Detach the devices that are not wanted; others than the one that is meant
 * were asked to leave by an earlier call. If the guest does not release one,
 * the others are detached all the same. Returns the first failure. */
static int
remove_others(const struct work *work)
{
    const struct kind *kind = work->kind;
    int first = 0;

    for (int i = 0; i < work->there.count; i++) {
        void *device = item(work, &work->there, i);
        uint64_t number = kind->number(device);
        int rc;

        if (find(work, &work->wanted, number) != NULL ||
            (work->number != XK_EVERY_DEVICE && work->number != number))
            continue;
        rc = (work->force ? kind->destroy : kind->remove)(work->ctx,
                                                          work->domid, device);
        first = first != 0 ? first : rc;
    }
    return first;
}

static int
add_missing(const struct work *work)
{
    const struct kind *kind = work->kind;
    int rc = 0;

    for (int i = 0; rc == 0 && i < work->wanted.count; i++) {
        void *device = item(work, &work->wanted, i);
        const void *old = find(work, &work->there, kind->number(device));

        if (old == NULL)
            rc = kind->add(work->ctx, work->domid, device);
        else if (kind->change != NULL)
            rc = kind->change(work->ctx, work->domid, old, device);
    }
    return rc;
}

static int
change_devices(const struct work *work)
{
    int removed = remove_others(work);

    /* If no device is named, one that stays says nothing about the others. */
    if (removed != 0 && work->number != XK_EVERY_DEVICE)
        return removed;
    return add_missing(work);
}

static int
take_detach(const struct xk_libxl *call, struct work *work,
            struct xk_error *err)
{
    if (call->argument_count < 3 ||
        !xk_parse_u64(call->arguments[2], UINT32_MAX, &work->number))
        return xk_fail(err, XK_ERR_USAGE, "which device?");
    work->force = strcmp(call->arguments[1], "force") == 0;
    return 0;
}

static int
sync_kind(struct xk_libxl *call, const struct kind *kind, struct xk_error *err)
{
    struct work work = {.kind = kind, .ctx = call->ctx};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    libxl_domain_config to;
    int rc, r;

    if (xk_libxl_domid(call, &work.domid, err) == -1 ||
        take_detach(call, &work, err) == -1)
        return -1;
    r = xk_libxl_config(call, &config, &to, err);
    if (r == 0) {
        work.wanted = kind->wanted(&to);
        work.there = kind->there(call->ctx, work.domid);
        rc = change_devices(&work);
        if (rc != 0)
            r = xk_libxl_fail(call, rc, NULL, err, "libxl");
        kind->free(&work.there);
    }
    libxl_domain_config_dispose(&to);
    return r;
}

/* ---- disks ---- */

static struct devices
there_disks(libxl_ctx *ctx, uint32_t domid)
{
    struct devices there = {0};

    there.items = libxl_device_disk_list(ctx, domid, &there.count);
    return there;
}

static void
free_disks(struct devices *there)
{
    libxl_device_disk_list_free(there->items, there->count);
}

static struct devices
wanted_disks(const libxl_domain_config *config)
{
    return (struct devices){config->disks, config->num_disks};
}

static uint64_t
disk_number(const void *item)
{
    const libxl_device_disk *disk = item;
    struct xk_vdev vdev = {0};

    return xk_vdev_parse(disk->vdev, &vdev) ? xk_vdev_number(&vdev)
                                            : XK_EVERY_DEVICE;
}

static int
add_disk(libxl_ctx *ctx, uint32_t domid, void *item)
{
    return libxl_device_disk_add(ctx, domid, item, NULL);
}

static int
remove_disk(libxl_ctx *ctx, uint32_t domid, void *item)
{
    return libxl_device_disk_remove(ctx, domid, item, NULL);
}

static int
destroy_disk(libxl_ctx *ctx, uint32_t domid, void *item)
{
    return libxl_device_disk_destroy(ctx, domid, item, NULL);
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
change_disk(libxl_ctx *ctx, uint32_t domid, const void *there, void *wanted)
{
    libxl_device_disk *disk = wanted;

    return disk->is_cdrom && !same_medium(there, disk)
               ? libxl_cdrom_insert(ctx, domid, disk, NULL)
               : 0;
}

int
xk_libxl_disks(struct xk_libxl *call, struct xk_error *err)
{
    static const struct kind disks = {
        .size = sizeof(libxl_device_disk),
        .there = there_disks,
        .free = free_disks,
        .wanted = wanted_disks,
        .number = disk_number,
        .add = add_disk,
        .remove = remove_disk,
        .destroy = destroy_disk,
        .change = change_disk,
    };

    return sync_kind(call, &disks, err);
}

/* ---- network cards ---- */

static struct devices
there_cards(libxl_ctx *ctx, uint32_t domid)
{
    struct devices there = {0};

    there.items = libxl_device_nic_list(ctx, domid, &there.count);
    return there;
}

static void
free_cards(struct devices *there)
{
    libxl_device_nic_list_free(there->items, there->count);
}

static struct devices
wanted_cards(const libxl_domain_config *config)
{
    return (struct devices){config->nics, config->num_nics};
}

static uint64_t
card_number(const void *item)
{
    return (uint32_t)((const libxl_device_nic *)item)->devid;
}

static int
add_card(libxl_ctx *ctx, uint32_t domid, void *item)
{
    return libxl_device_nic_add(ctx, domid, item, NULL);
}

static int
remove_card(libxl_ctx *ctx, uint32_t domid, void *item)
{
    return libxl_device_nic_remove(ctx, domid, item, NULL);
}

static int
destroy_card(libxl_ctx *ctx, uint32_t domid, void *item)
{
    return libxl_device_nic_destroy(ctx, domid, item, NULL);
}

int
xk_libxl_cards(struct xk_libxl *call, struct xk_error *err)
{
    static const struct kind cards = {
        .size = sizeof(libxl_device_nic),
        .there = there_cards,
        .free = free_cards,
        .wanted = wanted_cards,
        .number = card_number,
        .add = add_card,
        .remove = remove_card,
        .destroy = destroy_card,
    };

    return sync_kind(call, &cards, err);
}
