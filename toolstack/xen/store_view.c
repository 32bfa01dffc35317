/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shows the contents of xenstore to people. Guests write to it too, so depth,
 * size and paths are checked. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/ops.h"
#include "xenstore-helpers/paths.h"
#include "xenstore-helpers/xenbus.h"

enum {
    DEPTH_MAX = 24
};

struct walk {
    struct xk_xen *xen;
    void (*node)(const char *path, const char *value, void *context);
    void *context;
    struct xk_deadline deadline;
};

/* Report the node and everything below it. A node that disappears meanwhile is
 * left out. */
static int
walk_below(const struct walk *walk, const char *path, int depth,
           struct xk_error *err)
{
    XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};
    XK_CLEANUP_BUF struct xk_buf value = {0};
    struct xk_store *store = walk->xen->store;
    struct xk_deadline deadline = xk_xen_store_deadline(walk->deadline);

    if (xk_store_read_bytes(store, XK_STORE_NO_TX, path, XK_STORE_VALUE_MAX,
                            &value, deadline, err) == -1)
        return -1;
    walk->node(path, value.data != NULL ? value.data : "", walk->context);
    if (depth == DEPTH_MAX ||
        xk_store_list(store, XK_STORE_NO_TX, path, &names, deadline, err) == -1)
        return depth == DEPTH_MAX ? 0 : -1;
    for (size_t i = 0; i < names.count; i++) {
        XK_CLEANUP_FREE char *child = xk_asprintf(
            "%s/%s", strcmp(path, "/") == 0 ? "" : path, names.items[i]);
        struct xk_error why = {0};

        if (walk_below(walk, child, depth + 1, &why) == -1 &&
            why.kind != XK_ERR_NOT_FOUND) {
            *err = why;
            return -1;
        }
    }
    return 0;
}

int
xk_xen_store_walk(struct xk_hypervisor *hv, const char *path,
                  xk_store_node_told *node, void *context,
                  struct xk_deadline deadline, struct xk_error *err)
{
    struct walk walk = {xk_xen(hv), node, context, deadline};

    if (xk_xen_need_store(walk.xen, deadline, err) == -1)
        return -1;
    return walk_below(&walk, path, 0, err);
}

int
xk_xen_store_watch(struct xk_hypervisor *hv, const char *path,
                   xk_store_changed *changed, void *context,
                   struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    bool more = true;

    if (xk_xen_need_store(xen, deadline, err) == -1 ||
        xk_store_watch(xen->store, path, "store-view",
                       xk_xen_store_deadline(deadline), err) == -1)
        return -1;
    while (more) {
        XK_CLEANUP_STORE_EVENT struct xk_store_event event = {0};

        if (xk_store_wait_event(xen->store, &event, deadline, err) == -1)
            return xk_deadline_left_ms(deadline) == 0
                       ? xk_fail(err, XK_ERR_TIMEOUT,
                                 "the time given for watching is up")
                       : -1;
        more = changed(event.path != NULL ? event.path : path, context);
    }
    return 0;
}

/* ---- devices ---- */

static char *
read_text(const struct walk *walk, const char *folder, const char *name)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", folder, name);
    struct xk_buf value = {0};

    if (xk_store_read(walk->xen->store, XK_STORE_NO_TX, path, XK_STORE_PATH_MAX,
                      &value, xk_xen_store_deadline(walk->deadline),
                      NULL) == -1)
        xk_buf_free(&value);
    return value.data != NULL ? xk_buf_take(&value) : xk_strdup("");
}

static const char *
state_in(const struct walk *walk, const char *folder)
{
    XK_CLEANUP_FREE char *text = read_text(walk, folder, "state");
    enum xk_xenbus_state state;

    return xk_xenbus_state_parse(text, &state) ? xk_xenbus_state_name(state)
                                               : "-";
}

static void
tell_device(const struct walk *walk, const char *folder, const char *kind,
            const char *id,
            void (*device)(const struct xk_store_device *device, void *context))
{
    XK_CLEANUP_FREE char *frontend = xk_asprintf("%s/%s/%s", folder, kind, id);
    XK_CLEANUP_FREE char *backend = read_text(walk, frontend, "backend");
    struct xk_store_device what = {
        .kind = kind,
        .id = id,
        .frontend_state = state_in(walk, frontend),
        .backend_state = "-",
        .backend = backend,
    };

    if (backend[0] == '\0')
        return; /* not a device, but a node that libxl keeps among them */
    /* The guest may write to this node, so read only a backend's path. */
    if (strncmp(backend, "/local/domain/", 14) == 0)
        what.backend_state = state_in(walk, backend);
    device(&what, walk->context);
}

int
xk_xen_store_devices(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     xk_store_device_told *device, void *context,
                     struct xk_deadline deadline, struct xk_error *err)
{
    struct walk walk = {xk_xen(hv), NULL, context, deadline};
    XK_CLEANUP_STORE_NAMES struct xk_store_names kinds = {0};
    XK_CLEANUP_FREE char *folder = NULL;
    struct xk_xen_domain found;

    if (xk_xen_find(walk.xen, &domain->uuid, &found, err) == -1 ||
        xk_xen_need_store(walk.xen, deadline, err) == -1)
        return -1;
    folder = xk_asprintf("/local/domain/%u/device", found.domid);
    if (xk_store_list(walk.xen->store, XK_STORE_NO_TX, folder, &kinds,
                      xk_xen_store_deadline(deadline), err) == -1)
        return err->kind == XK_ERR_NOT_FOUND ? 0 : -1;
    for (size_t i = 0; i < kinds.count; i++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/%s", folder, kinds.items[i]);
        XK_CLEANUP_STORE_NAMES struct xk_store_names ids = {0};

        if (xk_store_list(walk.xen->store, XK_STORE_NO_TX, path, &ids,
                          xk_xen_store_deadline(deadline), NULL) == -1)
            continue;
        for (size_t k = 0; k < ids.count; k++)
            tell_device(&walk, folder, kinds.items[i], ids.items[k], device);
    }
    return 0;
}
