/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both ends of a device in xenstore. The kind names the nodes beyond the ones
 * that every device has.
 *
 * Source: xen/include/public/io/xenbus.h; libxl_device.c for the permissions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/xen/device/device.h"
#include "xenstore-helpers/xenbus.h"

struct making {
    const struct xk_xen_device *device;
    unsigned domid;
};

/* ---- making ---- */

/* One end whose nodes are being written. */
struct end {
    struct xk_store *store;
    uint32_t tx;
    const char *path;
    struct xk_deadline deadline;
    struct xk_error *err;
};

/* Create the end: owner may write to it, the other domain may read it. */
static int
begin(const struct end *end, unsigned owner, unsigned other)
{
    const struct xk_store_perm perms[] = {{'n', owner}, {'r', other}};

    if (xk_store_make(end->store, end->tx, end->path, end->deadline,
                      end->err) == -1)
        return -1;
    return xk_store_set_perms(end->store, end->tx, end->path, perms, 2,
                              end->deadline, end->err);
}

static int
put(const struct end *end, const char *name, const char *value)
{
    XK_CLEANUP_FREE char *node = xk_asprintf("%s/%s", end->path, name);

    return xk_store_write(end->store, end->tx, node, value, end->deadline,
                          end->err);
}

static int
put_number(const struct end *end, const char *name, unsigned number)
{
    char text[12];

    snprintf(text, sizeof(text), "%u", number);
    return put(end, name, text);
}

static int
put_row(const struct end *end, const struct xk_xen_device_node *node,
        const struct xk_xen_device *device)
{
    const char *value;

    if (node->value == NULL && node->member == NULL)
        return put_number(end, node->name, device->number);
    value = node->value != NULL
                ? node->value(device)
                : xk_json_string(xk_json_get(device->json, node->member));
    return value != NULL ? put(end, node->name, value) : 0;
}

static int
put_rows(const struct end *end, const struct xk_xen_device_node *nodes,
         const struct xk_xen_device *device)
{
    for (; nodes->name != NULL; nodes++) {
        if (put_row(end, nodes, device) == -1)
            return -1;
    }
    return 0;
}

static int
put_front(const struct end *end, const struct xk_xen_device *device,
          unsigned domid)
{
    const struct xk_xen_device_kind *kind = device->kind;

    if (begin(end, domid, 0) == -1 ||
        put(end, "backend", device->backend) == -1 ||
        put(end, "backend-id", "0") == -1 ||
        put_number(end, kind->number_node, device->number) == -1 ||
        put_rows(end, kind->front_nodes, device) == -1)
        return -1;
    return put_number(end, "state", XK_XENBUS_INITIALISING);
}

static int
put_back(const struct end *end, const struct xk_xen_device *device,
         unsigned domid)
{
    if (begin(end, 0, domid) == -1 ||
        put(end, "frontend", device->frontend) == -1 ||
        put_number(end, "frontend-id", domid) == -1 ||
        put(end, "online", "1") == -1 ||
        put_rows(end, device->kind->back_nodes, device) == -1)
        return -1;
    return put_number(end, "state", XK_XENBUS_INITIALISING);
}

static int
make_nodes(struct xk_store *store, uint32_t tx, void *context,
           struct xk_deadline deadline, struct xk_error *err)
{
    const struct making *making = context;
    const struct xk_xen_device *device = making->device;
    const struct end front = {store, tx, device->frontend, deadline, err};
    const struct end back = {store, tx, device->backend, deadline, err};

    if (put_front(&front, device, making->domid) == -1)
        return -1;
    return put_back(&back, device, making->domid);
}

int
xk_xen_device_make_nodes(struct xk_xen *xen, const struct xk_xen_device *device,
                         unsigned domid, struct xk_deadline deadline,
                         struct xk_error *err)
{
    struct making making = {device, domid};

    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    return xk_store_transact(xen->store, make_nodes, &making,
                             xk_xen_store_deadline(deadline), err);
}

/* ---- state and removal ---- */

/* Returns 1 and the backend's state, or 0 if the device has no nodes. */
static int
read_state(struct xk_store *store, uint32_t tx,
           const struct xk_xen_device *device, uint64_t *state,
           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/state", device->backend);
    struct xk_error why = {0};

    if (xk_store_read_u64(store, tx, path, XK_XENBUS_COUNT - 1, state, deadline,
                          &why) == 0)
        return 1;
    if (why.kind == XK_ERR_NOT_FOUND)
        return 0;
    *err = why;
    return -1;
}

/* All nodes are made in one transaction, so either all or none exist. */
static int
make_missing(struct xk_store *store, uint32_t tx, void *context,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct making *making = context;
    uint64_t state;
    int there = read_state(store, tx, making->device, &state, deadline, err);

    if (there != 0)
        return there == 1 ? 0 : -1;
    return make_nodes(store, tx, context, deadline, err);
}

int
xk_xen_device_need_nodes(struct xk_xen *xen, const struct xk_xen_device *device,
                         struct xk_deadline deadline, struct xk_error *err)
{
    struct making making = {.device = device};
    int64_t domid;

    if (!xk_json_integer(xk_json_get(device->json, XK_DEVICE_DOMID), &domid))
        return xk_fail(err, XK_ERR_PROTOCOL, "\"%s\" does not name a domain",
                       device->path);
    making.domid = (unsigned)domid;
    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    return xk_store_transact(xen->store, make_missing, &making,
                             xk_xen_store_deadline(deadline), err);
}

int
xk_xen_device_has_left(struct xk_xen *xen, const struct xk_xen_device *device,
                       struct xk_deadline deadline, struct xk_error *err)
{
    uint64_t state;
    int there;

    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    there = read_state(xen->store, XK_STORE_NO_TX, device, &state,
                       xk_xen_store_deadline(deadline), err);
    if (there == -1)
        return -1;
    return there == 0 || state == XK_XENBUS_CLOSED;
}

static int
ask_to_leave(struct xk_store *store, uint32_t tx, void *context,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_xen_device *device = context;
    XK_CLEANUP_FREE char *online = xk_asprintf("%s/online", device->backend);
    XK_CLEANUP_FREE char *state = xk_asprintf("%s/state", device->backend);
    XK_CLEANUP_FREE char *closing = xk_asprintf("%d", XK_XENBUS_CLOSING);
    uint64_t now = 0;
    int there = read_state(store, tx, device, &now, deadline, err);

    if (there == -1)
        return -1;
    if (there == 0 || now == XK_XENBUS_CLOSED)
        return 0; /* it has closed in the meantime */
    if (xk_store_write(store, tx, online, "0", deadline, err) == -1)
        return -1;
    return xk_store_write(store, tx, state, closing, deadline, err);
}

int
xk_xen_device_ask_to_leave(struct xk_xen *xen,
                           const struct xk_xen_device *device,
                           struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    return xk_store_transact(xen->store, ask_to_leave,
                             (void *)(uintptr_t)device,
                             xk_xen_store_deadline(deadline), err);
}

/* With the domain's last device of the kind, remove their parent too. */
static int
remove_nodes(struct xk_store *store, uint32_t tx, void *context,
             struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_xen_device *device = context;
    XK_CLEANUP_STORE_NAMES struct xk_store_names left = {0};
    XK_CLEANUP_FREE char *parent = xk_strdup(device->backend);

    *strrchr(parent, '/') = '\0';
    if (xk_store_remove(store, tx, device->frontend, deadline, err) == -1 ||
        xk_store_remove(store, tx, device->backend, deadline, err) == -1)
        return -1;
    if (xk_store_list(store, tx, parent, &left, deadline, NULL) == -1 ||
        left.count > 0)
        return 0;
    return xk_store_remove(store, tx, parent, deadline, err);
}

int
xk_xen_device_remove_nodes(struct xk_xen *xen,
                           const struct xk_xen_device *device,
                           struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    return xk_store_transact(xen->store, remove_nodes,
                             (void *)(uintptr_t)device,
                             xk_xen_store_deadline(deadline), err);
}
