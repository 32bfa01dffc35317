/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both ends of a device in the store.
 *
 * Source: xen/include/public/io/blkif.h; libxl_disk.c and libxl_device.c for
 * who may read what. The path of the image is not there: the guest could.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/device/device.h"
#include "xenstore-helpers/xenbus.h"

struct making {
    const struct xk_vbd *vbd;
    unsigned domid;
};

struct node {
    const char *name, *value;
};

static int
put_nodes(struct xk_store *store, uint32_t tx, const char *path,
          const struct xk_store_perm perms[2], const struct node *nodes,
          size_t count, struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_store_make(store, tx, path, deadline, err) == -1 ||
        xk_store_set_perms(store, tx, path, perms, 2, deadline, err) == -1)
        return -1;
    for (size_t i = 0; i < count; i++) {
        XK_CLEANUP_FREE char *node = xk_asprintf("%s/%s", path, nodes[i].name);

        if (xk_store_write(store, tx, node, nodes[i].value, deadline, err) ==
            -1)
            return -1;
    }
    return 0;
}

static bool
flag(const struct xk_vbd *vbd, const char *name)
{
    return xk_json_is_true(xk_json_get(vbd->json, name));
}

static int
make_nodes(struct xk_store *store, uint32_t tx, void *context,
           struct xk_deadline deadline, struct xk_error *err)
{
    const struct making *making = context;
    const struct xk_vbd *vbd = making->vbd;
    const struct xk_store_perm guests[] = {{'n', making->domid}, {'r', 0}};
    const struct xk_store_perm ours[] = {{'n', 0}, {'r', making->domid}};
    const char *type = flag(vbd, "cdrom") ? "cdrom" : "disk";
    char domid[12], number[12];
    const struct node front[] = {
        {"backend", vbd->backend},
        {"backend-id", "0"},
        {"virtual-device", number},
        {"device-type", type},
        {"trusted", flag(vbd, "untrusted") ? "0" : "1"},
        {"state", "1"},
    };
    const struct node back[] = {
        {"frontend", vbd->frontend},
        {"frontend-id", domid},
        {"online", "1"},
        {"removable", flag(vbd, "cdrom") ? "1" : "0"},
        {"bootable", "1"},
        {"dev", vbd->vdev},
        {"type", XK_VBD_KIND},
        {"mode", flag(vbd, "readonly") ? "r" : "w"},
        {"device-type", type},
        {"state", "1"},
    };

    snprintf(domid, sizeof(domid), "%u", making->domid);
    snprintf(number, sizeof(number), "%u", vbd->number);
    if (put_nodes(store, tx, vbd->frontend, guests, front, XK_ARRAY_SIZE(front),
                  deadline, err) == -1)
        return -1;
    return put_nodes(store, tx, vbd->backend, ours, back, XK_ARRAY_SIZE(back),
                     deadline, err);
}

int
xk_vbd_make_nodes(struct xk_xen *xen, const struct xk_vbd *vbd, unsigned domid,
                  struct xk_deadline deadline, struct xk_error *err)
{
    struct making making = {vbd, domid};

    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    return xk_store_transact(xen->store, make_nodes, &making,
                             xk_xen_store_deadline(deadline), err);
}

/* 1: there is a device, 0: there is none. */
static int
read_state(struct xk_store *store, uint32_t tx, const struct xk_vbd *vbd,
           uint64_t *state, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/state", vbd->backend);
    struct xk_error why = {0};

    if (xk_store_read_u64(store, tx, path, XK_XENBUS_COUNT - 1, state, deadline,
                          &why) == 0)
        return 1;
    if (why.kind == XK_ERR_NOT_FOUND)
        return 0;
    *err = why;
    return -1;
}

/* They are there all or not at all. */
static int
make_missing(struct xk_store *store, uint32_t tx, void *context,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct making *making = context;
    uint64_t state;
    int there = read_state(store, tx, making->vbd, &state, deadline, err);

    if (there != 0)
        return there == 1 ? 0 : -1;
    return make_nodes(store, tx, context, deadline, err);
}

int
xk_vbd_need_nodes(struct xk_xen *xen, const struct xk_vbd *vbd,
                  struct xk_deadline deadline, struct xk_error *err)
{
    struct making making = {.vbd = vbd};
    int64_t domid;

    if (!xk_json_integer(xk_json_get(vbd->json, "domid"), &domid))
        return xk_fail(err, XK_ERR_PROTOCOL, "\"%s\" names no domain",
                       vbd->path);
    making.domid = (unsigned)domid;
    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    return xk_store_transact(xen->store, make_missing, &making,
                             xk_xen_store_deadline(deadline), err);
}

int
xk_vbd_has_left(struct xk_xen *xen, const struct xk_vbd *vbd,
                struct xk_deadline deadline, struct xk_error *err)
{
    uint64_t state;
    int there;

    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    there = read_state(xen->store, XK_STORE_NO_TX, vbd, &state,
                       xk_xen_store_deadline(deadline), err);
    if (there == -1)
        return -1;
    return there == 0 || state == XK_XENBUS_CLOSED;
}

static int
ask_to_leave(struct xk_store *store, uint32_t tx, void *context,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_vbd *vbd = context;
    XK_CLEANUP_FREE char *online = xk_asprintf("%s/online", vbd->backend);
    XK_CLEANUP_FREE char *state = xk_asprintf("%s/state", vbd->backend);
    uint64_t now = 0;
    int there = read_state(store, tx, vbd, &now, deadline, err);

    if (there == -1)
        return -1;
    if (there == 0 || now == XK_XENBUS_CLOSED)
        return 0; /* it has left in between */
    if (xk_store_write(store, tx, online, "0", deadline, err) == -1)
        return -1;
    return xk_store_write(store, tx, state, "5", deadline, err);
}

int
xk_vbd_ask_to_leave(struct xk_xen *xen, const struct xk_vbd *vbd,
                    struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    return xk_store_transact(xen->store, ask_to_leave, (void *)(uintptr_t)vbd,
                             xk_xen_store_deadline(deadline), err);
}

/* With the domain's last device of the kind its folder goes too. */
static int
remove_nodes(struct xk_store *store, uint32_t tx, void *context,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_vbd *vbd = context;
    XK_CLEANUP_STORE_NAMES struct xk_store_names left = {0};
    XK_CLEANUP_FREE char *parent = xk_strdup(vbd->backend);

    *strrchr(parent, '/') = '\0';
    if (xk_store_remove(store, tx, vbd->frontend, deadline, err) == -1 ||
        xk_store_remove(store, tx, vbd->backend, deadline, err) == -1)
        return -1;
    if (xk_store_list(store, tx, parent, &left, deadline, NULL) == -1 ||
        left.count > 0)
        return 0;
    return xk_store_remove(store, tx, parent, deadline, err);
}

int
xk_vbd_remove_nodes(struct xk_xen *xen, const struct xk_vbd *vbd,
                    struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    return xk_store_transact(xen->store, remove_nodes, (void *)(uintptr_t)vbd,
                             xk_xen_store_deadline(deadline), err);
}
