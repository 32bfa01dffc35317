/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives a stopped domain another identity, for rename-restart: sets the UUID
 * and name of its record, which are new already, in Xen and in libxl's files
 * and nodes.
 *
 * The domain is found by its UUID, never by its name, because a guest that is
 * being saved may have the same name. Xen's handle changes first: the domain
 * that replaces this one gets the old handle, and libxl looks for the new one.
 * Each step detects whether it was done before, so that recovery can start from
 * the top after a kill.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/record_config.h"
#include "toolstack/xen/build_scope.h"
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/helper/caller.h"
#include "toolstack/xen/ops.h"
#include "xenstore-helpers/paths.h"

/* ---- which domain ---- */

/* Returns 1 if the domain exists, 0 if not, -1 if that is unknown. A dying
 * domain counts as gone: nothing of it can be kept. */
static int
look_for(struct xk_xen *xen, const struct xk_uuid *uuid,
         struct xk_xen_domain *found, struct xk_error *err)
{
    struct xk_error why = {0};

    if (xk_xen_find(xen, uuid, found, &why) == 0)
        return found->state != XK_STATE_DYING;
    if (why.kind == XK_ERR_NOT_FOUND)
        return 0;
    *err = why;
    return -1;
}

/* Returns 1 if the replacing domain has its record already. Then the domain
 * with the old UUID in Xen is the replacement. */
static int
is_replaced(const struct xk_record *record, const struct xk_uuid *old,
            struct xk_error *err)
{
    struct xk_error why = {0};
    XK_CLEANUP_RECORD struct xk_record *there =
        xk_record_open(record->state, old, &why);

    if (there == NULL && why.kind != XK_ERR_NOT_FOUND) {
        *err = why;
        return -1;
    }
    return there != NULL;
}

/* Find the domain by its new UUID, if an earlier try came that far, else by the
 * old one. */
static int
find_stopped(struct xk_xen *xen, const struct xk_domain *domain,
             const struct xk_uuid *old, struct xk_xen_domain *found,
             struct xk_error *err)
{
    int r = look_for(xen, &domain->uuid, found, err);
    int replaced;

    if (r != 0)
        return r;
    replaced = is_replaced(domain->record, old, err);
    if (replaced != 0)
        return replaced == 1 ? 0 : -1;
    r = look_for(xen, old, found, err);
    if (r == 1 && found->state != XK_STATE_SHUTDOWN &&
        found->state != XK_STATE_CRASHED)
        return xk_fail(err, XK_ERR_STATE,
                       "domain %u of Xen has the same UUID and is running",
                       found->domid);
    return r;
}

/* ---- the steps ---- */

static void
move_file(const char *path, unsigned domid, const char *uuid)
{
    int before = snprintf(NULL, 0, XK_LIBXL_FILES "/userdata-?.%u.", domid);
    XK_CLEANUP_FREE char *to = xk_asprintf("%.*s%s%s", before, path, uuid,
                                           path + before + strlen(uuid));

    rename(path, to);
}

/* Rename libxl's files; their names contain the handle. */
static void
move_files(unsigned domid, const struct xk_uuid *old,
           const struct xk_uuid *uuid)
{
    char from[XK_UUID_TEXT_SIZE], to[XK_UUID_TEXT_SIZE];
    XK_CLEANUP_FREE char *pattern = NULL;
    glob_t found = {0};

    xk_uuid_format(old, from);
    xk_uuid_format(uuid, to);
    pattern = xk_asprintf(XK_LIBXL_FILES "/userdata-?.%u.%s.*", domid, from);
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        move_file(found.gl_pathv[i], domid, to);
    globfree(&found);
}

/* Set the new identity in xenstore, through libxl. */
static int
tell_libxl(struct xk_xen *xen, const struct xk_domain *domain, unsigned domid,
           struct xk_deadline deadline, struct xk_error *err)
{
    char number[16], uuid[XK_UUID_TEXT_SIZE];
    const char *argv[] = {"preserve", number, uuid, domain->name, NULL};
    const struct xk_xen_call what = {
        .argv = argv,
        .stream_fd = -1,
        .lock_fd = domain->record->lock_fd,
    };

    snprintf(number, sizeof(number), "%u", domid);
    xk_uuid_format(&domain->uuid, uuid);
    return xk_xen_helper(xen, &what, NULL, deadline, err);
}

/* Remove the node /vm/OLD-UUID. If no domain replaces this one, nobody else
 * would remove it. */
static int
remove_old_node(struct xk_xen *xen, const struct xk_uuid *old,
                struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_path_vm(old);
    struct xk_xen_domain found;
    int r = look_for(xen, old, &found, err);

    if (r != 0)
        return r == 1 ? 0 : -1;
    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    return xk_store_remove(xen->store, XK_STORE_NO_TX, path,
                           xk_xen_store_deadline(deadline), err);
}

int
xk_xen_preserve(struct xk_hypervisor *hv, const struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *next =
        xk_record_load_next(domain->record, err);
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;
    int there;

    if (next == NULL)
        return -1;
    there = find_stopped(xen, domain, &next->uuid, &found, err);
    if (there == -1 ||
        xk_xen_devices_remove(xen, domain->record, deadline, err) == -1)
        return -1;
    if (there == 0) /* a domain that is gone holds nothing */
        return 0;
    if (!xk_uuid_equal(&found.uuid, &domain->uuid) &&
        xk_hypercall_set_uuid(xen->hypercall, found.domid, &domain->uuid,
                              err) == -1)
        return -1;
    move_files(found.domid, &next->uuid, &domain->uuid);
    if (tell_libxl(xen, domain, found.domid, deadline, err) == -1)
        return -1;
    return remove_old_node(xen, &next->uuid, deadline, err);
}
