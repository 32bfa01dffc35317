/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks that are attached to a domain that is there, changed and detached. One
 * whose guest does not let go of it is nobody's business but its own: the guest
 * goes on using it, and so it is served.
 */
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "toolstack/config/vdev.h"
#include "toolstack/xen/device/device.h"

enum {
    LET_GO_MS = 10000, /* as long as xl waits for a guest */
    LATE_MS = 2000,    /* where the guest has been asked before */
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
holds_on(const struct xk_vbd *vbd, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_IN_USE,
                   "its guest goes on using disk %s, and loses it when it "
                   "lets go of it; --force takes it away now",
                   vbd->vdev);
}

/* One that has died must be there for its guest to let go. */
static int
need_served(const struct xk_vbd *vbd, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct xk_error why = {0};

    if (xk_vbd_is_served(vbd) || xk_vbd_start(vbd, deadline, &why) == 0)
        return 0;
    return xk_fail(err, why.kind,
                   "its guest cannot let go of disk %s: %s; --force takes it "
                   "away all the same",
                   vbd->vdev, why.message);
}

/* xk-backend ends when the frontend has closed. */
static int
ask_guest(struct xk_xen *xen, const struct xk_vbd *vbd, int patience_ms,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_deadline patience =
        xk_deadline_min(deadline, xk_deadline_in_ms(patience_ms));

    if (need_served(vbd, patience, err) == -1)
        return -1;
    fd = xk_vbd_open_process(vbd, false);
    if (xk_vbd_ask_to_leave(xen, vbd, deadline, err) == -1)
        return -1;
    return fd == -1 || xk_deadline_poll(patience, fd, POLLIN, "it", NULL) != -1
               ? 0
               : holds_on(vbd, err);
}

/* That a backend has ended does not mean that the guest has let go. */
static int
part(struct xk_xen *xen, const struct xk_vbd *vbd, int patience_ms,
     struct xk_deadline deadline, struct xk_error *err)
{
    int left = xk_vbd_has_left(xen, vbd, deadline, err);

    if (left == 0 && ask_guest(xen, vbd, patience_ms, deadline, err) == -1)
        return -1;
    if (left == 0)
        left = xk_vbd_has_left(xen, vbd, deadline, err);
    if (left == 0)
        return holds_on(vbd, err);
    return left == 1 ? 0 : -1;
}

/* Its guest has let go of it, and is not told any more. */
static int
let_go(struct xk_xen *xen, const struct xk_vbd *vbd, int patience_ms,
       struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error why = {0};

    if (part(xen, vbd, patience_ms, deadline, err) == -1)
        return -1;
    if (xk_vbd_settle(vbd, deadline, &why) == 0)
        return 0;
    return xk_fail(err, why.kind, "%s; --force takes it away all the same",
                   why.message);
}

/* What its image still has fails, so that the guest can let go. */
static void
let_fail(const struct xk_vbd *vbd, struct xk_deadline deadline)
{
    XK_CLEANUP_JSON struct xk_json *answer =
        xk_vbd_ask(vbd, "{\"leave\":true}", deadline, NULL);
}

static int
detach(struct xk_xen *xen, const struct xk_record *record,
       const struct xk_vbd *vbd, const struct xk_disk_change *change,
       struct xk_deadline deadline, struct xk_error *err)
{
    bool meant = vbd->number == change->number;

    if (xk_vbd_mark_leaving(vbd, err) == -1)
        return -1;
    if (meant && change->force)
        let_fail(vbd, deadline);
    else if (let_go(xen, vbd, meant ? LET_GO_MS : LATE_MS, deadline, err) == -1)
        return -1;
    return xk_vbd_remove(xen, record, vbd, deadline, err);
}

static int
change_medium(const struct xk_record *record, const struct xk_vbd *vbd,
              unsigned domid, const struct xk_disk *disk,
              struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_vbd_check(record->state, disk, false, err) == -1)
        return -1;
    return xk_vbd_change(record, vbd, domid, disk, deadline, err);
}

static bool
has_other_medium(const struct xk_vbd *vbd, const struct xk_disk *disk)
{
    const char *target = disk->target != NULL ? disk->target : "";

    return disk->cdrom && strcmp(target, vbd->target) != 0;
}

/* One that its guest holds on to goes when the guest lets go of it, whatever
 * becomes of the others meanwhile. */
static bool
is_passed_over(const struct xk_vbd *vbd, const struct xk_disk_change *change)
{
    return change->number != XK_EVERY_DISK && change->number != vbd->number &&
           xk_vbd_is_leaving(vbd);
}

/* Whoever marked it may not have come to ask. */
static int
remind(struct xk_xen *xen, const struct xk_vbd *vbd,
       struct xk_deadline deadline)
{
    struct xk_error ignored;

    xk_vbd_ask_to_leave(xen, vbd, deadline, &ignored);
    return 0;
}

static int
change_one(struct xk_xen *xen, const struct xk_record *record, unsigned domid,
           const struct xk_vbd *vbd, const struct xk_disk_change *change,
           struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_disk *disk = find_disk(change->config, vbd->number);

    if (xk_vbd_need_known(vbd, err) == -1)
        return -1;
    if (vbd->json == NULL)
        return xk_vbd_remove(xen, record, vbd, deadline, err);
    if (is_passed_over(vbd, change))
        return remind(xen, vbd, deadline);
    if (disk == NULL || xk_vbd_is_leaving(vbd))
        return detach(xen, record, vbd, change, deadline, err);
    if (has_other_medium(vbd, disk))
        return change_medium(record, vbd, domid, disk, deadline, err);
    return xk_vbd_is_new(vbd) ? xk_vbd_start_new(xen, vbd, deadline, err) : 0;
}

/* One that cannot be changed is the end of a verb; what was interrupted is
 * brought as far as it goes. */
static int
change_all(struct xk_xen *xen, const struct xk_record *record, unsigned domid,
           const struct xk_disk_change *change, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};
    int r = 0;

    if (xk_vbds_list(record, &vbds, err) == -1)
        return -1;
    for (size_t i = 0; i < vbds.count; i++) {
        if (change_one(xen, record, domid, &vbds.items[i], change, deadline,
                       err) == 0)
            continue;
        r = -1;
        if (change->number != XK_EVERY_DISK)
            break;
    }
    return r;
}

static int
attach_missing(struct xk_xen *xen, const struct xk_record *record,
               unsigned domid, const struct xk_domain_config *config,
               struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};

    if (xk_vbds_list(record, &vbds, err) == -1)
        return -1;
    for (size_t i = 0; i < config->disk_count; i++) {
        const struct xk_disk *disk = &config->disks[i];

        if (!xk_vbd_is_ours(config, disk) ||
            xk_vbds_find(&vbds, xk_disk_number(disk)) != NULL)
            continue;
        if (xk_vbd_check(record->state, disk, false, err) == -1 ||
            xk_vbd_attach(xen, record, domid, disk, deadline, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_vbds_change(struct xk_xen *xen, const struct xk_record *record,
               unsigned domid, const struct xk_disk_change *change,
               struct xk_deadline deadline, struct xk_error *err)
{
    int r = change_all(xen, record, domid, change, deadline, err);

    if (r == -1 && change->number != XK_EVERY_DISK)
        return -1;
    return attach_missing(xen, record, domid, change->config, deadline, err) ==
                   -1
               ? -1
               : r;
}
