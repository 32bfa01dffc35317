/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/edit_disks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "toolstack/config/disk_syntax.h"
#include "toolstack/config/vdev.h"
#include "toolstack/journal.h"
#include "toolstack/operation.h"
#include "toolstack/remove.h"
#include "toolstack/seam/device_ops.h"

/* ---- the configuration ---- */

/* By name or number, as xl does. */
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

/* apply: *number is that of the disk that it is about. */
struct edit {
    int (*apply)(struct xk_domain_config *config, const struct edit *edit,
                 unsigned *number, struct xk_error *err);
    const char *spec, *vdev, *target;
    bool force;
    bool keep; /* the edit stands even where the guest does not agree */
};

static int
parse_spec(const char *text, struct xk_disk *disk, struct xk_error *err)
{
    struct xk_problems problems = {0};
    struct xk_spec spec = xk_spec_of_text(text, "the disk", &problems);
    int r = xk_disk_parse(&spec, disk);

    if (r == -1)
        xk_fail(err, XK_ERR_CONFIG, "\"%s\": %s", text,
                problems.count > 0 ? problems.items[0].message : "no disk");
    xk_problems_free(&problems);
    return r;
}

static int
apply_attach(struct xk_domain_config *config, const struct edit *edit,
             unsigned *number, struct xk_error *err)
{
    struct xk_disk disk;

    if (parse_spec(edit->spec, &disk, err) == -1 ||
        xk_disk_resolve(&disk, err) == -1) {
        xk_disk_free(&disk);
        return -1;
    }
    if (find(config, disk.vdev, NULL) != NULL) {
        xk_fail(err, XK_ERR_EXISTS, "it has a disk \"%s\" already", disk.vdev);
        xk_disk_free(&disk);
        return -1;
    }
    *number = xk_disk_number(&disk);
    XK_GROW(config->disks, config->disk_count);
    config->disks[config->disk_count++] = disk;
    return 0;
}

static int
apply_detach(struct xk_domain_config *config, const struct edit *edit,
             unsigned *number, struct xk_error *err)
{
    struct xk_disk *disk = find(config, edit->vdev, err);
    size_t index;

    if (disk == NULL)
        return -1;
    *number = xk_disk_number(disk);
    index = (size_t)(disk - config->disks);
    xk_disk_free(disk);
    memmove(disk, disk + 1, (config->disk_count - index - 1) * sizeof(*disk));
    config->disk_count--;
    return 0;
}

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
apply_medium(struct xk_domain_config *config, const struct edit *edit,
             unsigned *number, struct xk_error *err)
{
    struct xk_disk *disk = find(config, edit->vdev, err);

    if (disk == NULL)
        return -1;
    if (!disk->cdrom)
        return xk_fail(err, XK_ERR_STATE, "disk \"%s\" is no cdrom drive",
                       edit->vdev);
    if (edit->target != NULL && check_medium(edit->target, err) == -1)
        return -1;
    *number = xk_disk_number(disk);
    free(disk->target);
    disk->target = edit->target == NULL ? NULL : xk_strdup(edit->target);
    disk->format = edit->target == NULL ? XK_FORMAT_EMPTY : XK_FORMAT_RAW;
    return xk_disk_resolve(disk, err);
}

/* ---- the domain ---- */

static int
note(struct xk_domain *domain, enum xk_journal_kind kind, struct xk_error *err)
{
    return xk_journal_append(domain->record, kind, XK_OP_DISKS, NULL, err);
}

/* What cannot be finished is ended all the same: an image that is gone, or a
 * guest that holds on to a disk, must not keep every verb from the domain. */
int
xk_operation_finish_disks(struct xk_host *host, struct xk_domain *domain,
                          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain->record, err);
    const struct xk_disk_change all = {.config = config,
                                       .number = XK_EVERY_DISK};
    struct xk_error why = {0};

    (void)host;
    if (config == NULL)
        return -1;
    if (xk_hv_sync_disks(domain->hv, domain, &all, deadline, &why) == -1)
        xk_warn("domain \"%s\": an interrupted change of its disks could not "
                "be finished: %s; xk block-list shows what it has",
                config->name, why.message);
    return note(domain, XK_JOURNAL_END, err);
}

static int
sync_to(struct xk_domain *domain, const struct xk_domain_config *config,
        unsigned number, bool force, struct xk_deadline deadline,
        struct xk_error *err)
{
    const struct xk_disk_change change = {config, number, force};

    return xk_hv_sync_disks(domain->hv, domain, &change, deadline, err);
}

/* What could not be done is undone, but for a disk that the guest holds on to:
 * that was asked for, and happens later. What an undo takes away by force is
 * new (need_room()). */
static int
sync_or_undo(struct xk_domain *domain, const struct xk_domain_config *before,
             const struct xk_domain_config *after, const struct edit *edit,
             unsigned number, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error ignored = {0};

    if (note(domain, XK_JOURNAL_BEGIN, err) == -1 ||
        xk_record_save_config(domain->record, after, err) == -1)
        return -1;
    if (sync_to(domain, after, number, edit->force, deadline, err) == 0)
        return note(domain, XK_JOURNAL_END, err);
    if (!edit->keep &&
        xk_record_save_config(domain->record, before, &ignored) == 0)
        sync_to(domain, before, number, true, xk_deadline_in_ms(XK_UNDO_MS),
                &ignored);
    note(domain, XK_JOURNAL_END, &ignored);
    return -1;
}

struct seek {
    const char *vdev;
    unsigned number;
    bool found;
};

static void
seek_disk(const struct xk_disk_info *info, void *context)
{
    struct seek *seek = context;

    if (!is_meant(seek->vdev, info->vdev, info->number))
        return;
    seek->found = true;
    seek->number = info->number;
}

/* Look at what the domain has: a disk that its guest holds on to is not in its
 * configuration any more. */
static int
seek_there(const struct xk_domain *domain, struct seek *seek,
           struct xk_deadline deadline, struct xk_error *err)
{
    return xk_hv_disks(domain->hv, domain, seek_disk, seek, deadline, err);
}

/* A new disk takes no other's place, and its undo nobody's disk. */
static int
need_room(const struct xk_domain *domain, unsigned number,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *text = xk_asprintf("%u", number);
    struct seek seek = {.vdev = text};

    if (seek_there(domain, &seek, deadline, err) == -1)
        return -1;
    return !seek.found
               ? 0
               : xk_fail(err, XK_ERR_IN_USE,
                         "its guest goes on using the disk that had this name "
                         "before, and loses it when it lets go of it; xk "
                         "block-detach --force takes it away now");
}

static int
apply_gone(const struct xk_domain *domain, const struct edit *edit,
           unsigned *number, struct xk_deadline deadline, struct xk_error *err)
{
    struct seek seek = {.vdev = edit->vdev};
    struct xk_error ignored;

    if (!edit->force || err->kind != XK_ERR_NOT_FOUND ||
        seek_there(domain, &seek, deadline, &ignored) == -1 || !seek.found)
        return -1;
    *number = seek.number;
    return 0;
}

static int
apply(const struct xk_domain *domain, struct xk_domain_config *config,
      const struct edit *edit, unsigned *number, struct xk_deadline deadline,
      struct xk_error *err)
{
    if (edit->apply(config, edit, number, err) == -1)
        return apply_gone(domain, edit, number, deadline, err);
    return edit->spec == NULL ? 0 : need_room(domain, *number, deadline, err);
}

static int
edit_locked(struct xk_host *host, struct xk_domain *domain,
            const struct edit *edit, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *before =
        xk_record_load_config(domain->record, err);
    XK_CLEANUP_CONFIG struct xk_domain_config *after =
        before == NULL ? NULL : xk_record_load_config(domain->record, err);
    unsigned number = 0;

    if (after == NULL ||
        xk_operation_need_alive(host, domain, NULL, deadline, err) == -1 ||
        apply(domain, after, edit, &number, deadline, err) == -1)
        return -1;
    return sync_or_undo(domain, before, after, edit, number, deadline, err);
}

static int
need_record(const struct xk_domain *domain, struct xk_error *err)
{
    if (domain->record != NULL)
        return 0;
    return xk_fail(err, XK_ERR_UNSUPPORTED,
                   "domain \"%s\" was made by another toolstack: change its "
                   "disks with that",
                   domain->name);
}

static int
run_edit(struct xk_host *host, struct xk_domain *domain,
         const struct edit *edit, struct xk_deadline deadline,
         struct xk_error *err)
{
    int r;

    if (xk_hv_need_disk_changes(domain->hv, err) == -1 ||
        need_record(domain, err) == -1 ||
        xk_operation_lock(host, domain, deadline, err) == -1)
        return -1;
    r = edit_locked(host, domain, edit, deadline, err);
    xk_record_unlock(domain->record);
    return r == 0 ? 0 : xk_wrap(err, "domain \"%s\"", domain->name);
}

int
xk_domain_attach_disk(struct xk_host *host, struct xk_domain *domain,
                      const char *spec, struct xk_deadline deadline,
                      struct xk_error *err)
{
    const struct edit edit = {.apply = apply_attach, .spec = spec};

    return run_edit(host, domain, &edit, deadline, err);
}

int
xk_domain_detach_disk(struct xk_host *host, struct xk_domain *domain,
                      const char *vdev, bool force, struct xk_deadline deadline,
                      struct xk_error *err)
{
    const struct edit edit = {
        .apply = apply_detach, .vdev = vdev, .force = force, .keep = true};

    return run_edit(host, domain, &edit, deadline, err);
}

int
xk_domain_change_medium(struct xk_host *host, struct xk_domain *domain,
                        const char *vdev, const char *target,
                        struct xk_deadline deadline, struct xk_error *err)
{
    const struct edit edit = {
        .apply = apply_medium, .vdev = vdev, .target = target};

    return run_edit(host, domain, &edit, deadline, err);
}

/* ---- size ---- */

static int
grow_file(const struct xk_disk *disk, uint64_t bytes, struct xk_error *err)
{
    struct stat st;

    if (stat(disk->target, &st) == -1 || !S_ISREG(st.st_mode))
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "\"%s\" is no file: give it its size with its own "
                       "tools, then run this without a size",
                       disk->target);
    if ((uint64_t)st.st_size > bytes)
        return xk_fail(err, XK_ERR_USAGE,
                       "\"%s\" has %lld bytes; it is not made smaller",
                       disk->target, (long long)st.st_size);
    if (truncate(disk->target, (off_t)bytes) == -1)
        return xk_fail_errno(err, "make \"%s\" larger", disk->target);
    return 0;
}

/* A raw file is grown here; *bytes is then 0. Any other format is grown by
 * what has the image open. */
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
                       "%llu bytes are no whole sectors of 512",
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
        need_record(domain, err) == -1)
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
