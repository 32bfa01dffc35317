/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done to the disks of a domain that is there. */
#include <time.h>

#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/xen/ops.h"
#include "toolstack/xen/vbd.h"

enum {
    SHORT_LIFE_S = 2
};

/* ---- served again ---- */

/* One that is handed to another host, or is being taken apart, has none on
 * purpose. */
bool
xk_xen_needs_repair(struct xk_hypervisor *hv, const struct xk_record *record)
{
    struct xk_xen_domain found;

    return xk_vbds_need_start(record) &&
           xk_xen_find(xk_xen(hv), &record->uuid, &found, NULL) == 0 &&
           (found.state == XK_STATE_RUNNING || found.state == XK_STATE_PAUSED);
}

/* A guest that makes them die must not make us work without end: whoever asks
 * for this waits longer after each failure. */
static bool
has_just_started(const struct xk_vbd *vbd)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/lock", vbd->path);
    struct stat st;

    return vbd->json != NULL && !xk_vbd_is_served(vbd) &&
           stat(path, &st) == 0 && time(NULL) - st.st_mtime < SHORT_LIFE_S;
}

int
xk_xen_repair(struct xk_hypervisor *hv, const struct xk_record *record,
              struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};

    (void)hv;
    if (xk_vbds_list(record, &vbds, err) == -1)
        return -1;
    for (size_t i = 0; i < vbds.count; i++) {
        if (has_just_started(&vbds.items[i]))
            return xk_fail(err, XK_ERR_FAILED,
                           "what serves disk %s ended soon after its start; "
                           "its log in \"%s\" tells why",
                           vbds.items[i].vdev, vbds.items[i].path);
    }
    return xk_vbds_start(record, deadline, err);
}
