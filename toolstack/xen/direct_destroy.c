/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source: libxl_domain.c, libxl__destroy_domid() and what it calls. */
#include "toolstack/xen/direct_destroy.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/build_scope.h"
#include "toolstack/xen/driver_internal.h"
#include "xenstore-helpers/paths.h"

/* Returns 1 and the node's children, 0 if there is no such node, -1 if xenstore
 * does not answer. */
static int
look_below(struct xk_xen *xen, const char *path, struct xk_deadline deadline,
           struct xk_store_names *children)
{
    struct xk_error err = {0};

    if (xk_store_list(xen->store, XK_STORE_NO_TX, path, children,
                      xk_xen_store_deadline(deadline), &err) == 0)
        return 1;
    return err.kind == XK_ERR_NOT_FOUND ? 0 : -1;
}

/* A domain whose creator was killed early does not even have a console. */
static bool
is_console_at_most(const struct xk_store_names *kinds)
{
    return kinds->count == 0 ||
           (kinds->count == 1 && strcmp(kinds->items[0], "console") == 0);
}

bool
xk_xen_holds_nothing_outside(struct xk_xen *xen,
                             const struct xk_xen_domain *domain,
                             struct xk_deadline deadline)
{
    XK_CLEANUP_STORE_NAMES struct xk_store_names kinds = {0}, model = {0};
    XK_CLEANUP_FREE char *libxl = xk_path_libxl(domain->domid);
    XK_CLEANUP_FREE char *devices = xk_asprintf("%s/device", libxl);
    XK_CLEANUP_FREE char *models =
        xk_asprintf("/local/domain/0/device-model/%u", domain->domid);

    if (domain->type == XK_TYPE_HVM ||
        xk_xen_need_store(xen, deadline, NULL) == -1 ||
        look_below(xen, models, deadline, &model) != 0)
        return false;
    return look_below(xen, devices, deadline, &kinds) != -1 &&
           is_console_at_most(&kinds);
}

struct nodes {
    char *paths[4];
};

static int
remove_nodes(struct xk_store *store, uint32_t tx, void *context,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct nodes *nodes = context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(nodes->paths); i++) {
        if (xk_store_remove(store, tx, nodes->paths[i], deadline, err) == -1)
            return -1;
    }
    return 0;
}

/* The domain's home comes last: after a kill the other nodes are found through
 * it. */
static int
remove_all_nodes(struct xk_xen *xen, const struct xk_xen_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err)
{
    struct nodes nodes = {{
        xk_asprintf("/local/domain/0/backend/console/%u", domain->domid),
        xk_path_libxl(domain->domid),
        xk_path_vm(&domain->uuid),
        xk_path_domain(domain->domid),
    }};
    int r = xk_store_transact(xen->store, remove_nodes, &nodes,
                              xk_xen_store_deadline(deadline), err);

    for (size_t i = 0; i < XK_ARRAY_SIZE(nodes.paths); i++)
        free(nodes.paths[i]);
    return r;
}

static void
remove_files(const struct xk_xen_domain *domain)
{
    char uuid[XK_UUID_TEXT_SIZE];
    XK_CLEANUP_FREE char *pattern = NULL;
    glob_t found = {0};

    xk_uuid_format(&domain->uuid, uuid);
    pattern =
        xk_asprintf(XK_LIBXL_FILES "/userdata-?.%u.%s.*", domain->domid, uuid);
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        unlink(found.gl_pathv[i]);
    globfree(&found);
}

/* Xen frees the memory piece by piece and returns EAGAIN until it is done. */
static int
destroy(struct xk_xen *xen, unsigned domid, struct xk_deadline deadline,
        struct xk_error *err)
{
    struct xk_error why = {0};

    while (xk_hypercall_domctl(xen->hypercall, XEN_DOMCTL_destroydomain, domid,
                               "destroy it", &why) == -1) {
        if (why.kind == XK_ERR_NOT_FOUND)
            return 0;
        if (why.errnum != EAGAIN) {
            *err = why;
            return -1;
        }
        if (xk_deadline_left_ms(deadline) == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "Xen did not destroy the domain in time");
    }
    return 0;
}

int
xk_xen_direct_destroy(struct xk_xen *xen, const struct xk_xen_domain *domain,
                      struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_hypercall_domctl(xen->hypercall, XEN_DOMCTL_pausedomain,
                            domain->domid, "pause it", err) == -1)
        return err->kind == XK_ERR_NOT_FOUND ? 0 : -1;
    remove_files(domain);
    if (remove_all_nodes(xen, domain, deadline, err) == -1)
        return -1;
    return destroy(xen, domain->domid, deadline, err);
}
