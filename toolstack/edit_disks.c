/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/edit_disks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/number.h"
#include "toolstack/config/disk_syntax.h"
#include "toolstack/config/vdev.h"
#include "toolstack/edit.h"
#include "toolstack/edit_devices.h"
#include "toolstack/operation.h"
#include "toolstack/record_config.h"
#include "toolstack/seam/device_ops.h"

/* ---- a disk of the configuration ---- */

/* A disk is named by its vdev or its number, as xl does. */
static bool
is_meant(const char *wanted, const char *vdev, unsigned number)
{
    uint64_t wanted_number;

    return strcmp(wanted, vdev) == 0 ||
           (xk_parse_u64(wanted, UINT32_MAX, &wanted_number) &&
            wanted_number == number);
}

static struct xk_disk *
find(struct xk_domain_config *config, const char *vdev, struct xk_error *err)
{
    for (size_t i = 0; i < config->disk_count; i++) {
        struct xk_disk *disk = &config->disks[i];

        if (is_meant(vdev, disk->vdev, xk_disk_number(disk)))
            return disk;
    }
    xk_fail(err, XK_ERR_NOT_FOUND, "it has no disk \"%s\"", vdev);
    return NULL;
}

static int
parse_spec(const char *text, struct xk_disk *disk, struct xk_error *err)
{
    struct xk_problems problems = {0};
    struct xk_spec spec = xk_spec_of_text(text, NULL, &problems);
    int r = xk_disk_parse(&spec, disk);

    if (r == -1)
        xk_edit_bad_spec(text, &problems, err);
    xk_problems_free(&problems);
    return r;
}

/* ---- attach and detach ---- */

static int
add_disk(struct xk_domain_config *config, struct xk_disk *disk,
         struct xk_error *err)
{
    if (find(config, disk->vdev, NULL) != NULL) {
        xk_fail(err, XK_ERR_EXISTS, "it has a disk \"%s\" already", disk->vdev);
        return -1;
    }
    XK_GROW(config->disks, config->disk_count);
    config->disks[config->disk_count++] = *disk;
    *disk = (struct xk_disk){0};
    return 0;
}

static int
add(struct xk_host *host, const struct xk_domain *domain,
    struct xk_domain_config *config, const char *spec, unsigned *number,
    struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_disk disk = {0};
    int r = parse_spec(spec, &disk, err);

    (void)host;
    (void)domain;
    (void)deadline;
    if (r == 0)
        r = xk_disk_resolve(&disk, err);
    if (r == 0) {
        *number = xk_disk_number(&disk);
        r = add_disk(config, &disk, err);
    }
    xk_disk_free(&disk);
    return r;
}

static int
take_out(struct xk_domain_config *config, const char *name, unsigned *number,
         struct xk_error *err)
{
    struct xk_disk *disk = find(config, name, err);

    if (disk == NULL)
        return -1;
    *number = xk_disk_number(disk);
    xk_disk_free(disk);
    XK_TAKE_OUT(config->disks, config->disk_count,
                (size_t)(disk - config->disks));
    return 0;
}

static void
search_disk(const struct xk_disk_info *info, void *context)
{
    struct xk_device_search *search = context;

    if (!is_meant(search->name, info->vdev, info->number))
        return;
    search->found = true;
    search->number = info->number;
}

static int
search(const struct xk_domain *domain, struct xk_device_search *search,
       struct xk_deadline deadline, struct xk_error *err)
{
    return xk_hv_disks(domain->hv, domain, search_disk, search, deadline, err);
}

static const struct xk_edit_kind disks = {
    .what = XK_SYNC_DISKS,
    .noun = "disk",
    .detaching = "block-detach",
    .add = add,
    .take_out = take_out,
    .search = search,
};

int
xk_domain_attach_disk(struct xk_host *host, struct xk_domain *domain,
                      const char *spec, struct xk_deadline deadline,
                      struct xk_error *err)
{
    return xk_edit_attach(host, domain, &disks, spec, deadline, err);
}

int
xk_domain_detach_disk(struct xk_host *host, struct xk_domain *domain,
                      const char *vdev, bool force, struct xk_deadline deadline,
                      struct xk_error *err)
{
    return xk_edit_detach(host, domain, &disks, vdev, force, deadline, err);
}

/* ---- media ---- */

struct medium {
    const char *vdev, *target;
};

static int
check_medium(const char *path, struct xk_error *err)
{
    struct stat st;

    if (stat(path, &st) == -1)
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\": %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return xk_fail(err, XK_ERR_CONFIG,
                       "\"%s\" is neither a file nor a block device", path);
    return 0;
}

static int
apply_medium(const struct xk_edit *edit, const struct xk_domain *domain,
             struct xk_domain_config *config, struct xk_change *change,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct medium *medium = edit->context;
    const char *target = medium->target;
    struct xk_disk *disk = find(config, medium->vdev, err);

    (void)domain;
    (void)deadline;
    if (disk == NULL)
        return -1;
    if (!disk->cdrom)
        return xk_fail(err, XK_ERR_STATE, "disk \"%s\" is not a CD-ROM drive",
                       medium->vdev);
    if (target != NULL && check_medium(target, err) == -1)
        return -1;
    change->number = xk_disk_number(disk);
    free(disk->target);
    disk->target = target == NULL ? NULL : xk_strdup(target);
    disk->format = target == NULL ? XK_FORMAT_EMPTY : XK_FORMAT_RAW;
    return xk_disk_resolve(disk, err);
}

int
xk_domain_change_medium(struct xk_host *host, struct xk_domain *domain,
                        const char *vdev, const char *target,
                        struct xk_deadline deadline, struct xk_error *err)
{
    const struct medium medium = {vdev, target};
    const struct xk_edit edit = {
        .what = XK_SYNC_DISKS, .apply = apply_medium, .context = &medium};

    return xk_edit_run(host, domain, &edit, deadline, err);
}

/* ---- size ---- */

static int
grow_file(const struct xk_disk *disk, uint64_t bytes, struct xk_error *err)
{
    struct stat st;

    if (stat(disk->target, &st) == -1 || !S_ISREG(st.st_mode))
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "\"%s\" is not a regular file: resize it with its "
                       "own tools, then run this without a size",
                       disk->target);
    if ((uint64_t)st.st_size > bytes)
        return xk_fail(err, XK_ERR_USAGE,
                       "\"%s\" has %lld bytes; it is not made smaller",
                       disk->target, (long long)st.st_size);
    if (truncate(disk->target, (off_t)bytes) == -1)
        return xk_fail_errno(err, "make \"%s\" larger", disk->target);
    return 0;
}

/* Grow a raw file here, and set *bytes to 0. An image of another format is
 * grown by the program that has it open. */
static int
grow_image(const struct xk_disk *disk, uint64_t *bytes, struct xk_error *err)
{
    uint64_t wanted = *bytes;

    if (wanted == 0)
        return 0;
    if (disk->cdrom)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "disk %s is a drive: its medium has a size of its own",
                       disk->vdev);
    if (wanted % 512 != 0)
        return xk_fail(err, XK_ERR_USAGE,
                       "%llu bytes are not a multiple of 512",
                       (unsigned long long)wanted);
    if (disk->format != XK_FORMAT_RAW)
        return 0;
    *bytes = 0;
    return grow_file(disk, wanted, err);
}

int
xk_domain_resize_disk(struct xk_host *host, struct xk_domain *domain,
                      const char *vdev, uint64_t bytes,
                      struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    const struct xk_disk *disk;
    int r = -1;

    if (xk_hv_need_disk_resize(domain->hv, err) == -1 ||
        xk_edit_need_record(domain, XK_SYNC_DISKS, err) == -1)
        return -1;
    if (xk_operation_lock(host, domain, deadline, err) == -1)
        return -1;
    config = xk_record_load_config(domain->record, err);
    disk = config == NULL ? NULL : find(config, vdev, err);
    if (disk != NULL && grow_image(disk, &bytes, err) == 0)
        r = xk_hv_resize_disk(domain->hv, domain, disk, bytes, deadline, err);
    xk_record_unlock(domain->record);
    return r == 0 ? 0 : xk_wrap(err, "domain \"%s\"", domain->name);
}
