/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Read and write the backend's nodes in the store, all of which the guest can
 * read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/life/device_internal.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "xenstore-helpers/xenbus.h"

enum {
    STORE_MS = 5000,
    VALUE_MAX = 32,
    LINES_AT_ONCE = 60,
    LEVELS = 3,
};

#define LINE_NS INT64_C(10000000000)

struct xk_deadline
xk_device_store_deadline(void)
{
    return xk_deadline_in_ms(STORE_MS);
}

int
xk_device_put_text(struct xk_device *device, uint32_t tx, const char *name,
                   const char *text, struct xk_deadline deadline,
                   struct xk_error *err)
{
    XK_CLEANUP_FREE char *node =
        xk_asprintf("%s/%s", device->config->backend, name);

    return xk_store_write(device->store, tx, node, text, deadline, err);
}

int
xk_device_put_number(struct xk_device *device, uint32_t tx, const char *name,
                     uint64_t number, struct xk_deadline deadline,
                     struct xk_error *err)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return xk_device_put_text(device, tx, name, text, deadline, err);
}

int
xk_device_put_numbers(struct xk_device *device, uint32_t tx,
                      const struct xk_device_number *nodes, size_t count,
                      struct xk_deadline deadline, struct xk_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (xk_device_put_number(device, tx, nodes[i].name, nodes[i].value,
                                 deadline, err) == -1)
            return -1;
    }
    return 0;
}

static int
advertise(struct xk_store *store, uint32_t tx, void *context,
          struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_device *device = (struct xk_device *)context;

    (void)store;
    if (device->kind->advertise(device, tx, deadline, err) == -1)
        return -1;
    return xk_device_put_number(device, tx, "state", XK_XENBUS_INIT_WAIT,
                                deadline, err);
}

int
xk_device_advertise(struct xk_device *device, struct xk_error *err)
{
    if (xk_store_transact(device->store, advertise, device,
                          xk_device_store_deadline(), err) == -1)
        return xk_wrap(err, "offer the device to its frontend");
    device->state = XK_XENBUS_INIT_WAIT;
    return 0;
}

/* Write the state only if its node still exists: writing would otherwise create
 * a device for a domain that is gone. */
static int
write_state(struct xk_store *store, uint32_t tx, void *context,
            struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_device *device = (struct xk_device *)context;
    XK_CLEANUP_FREE char *node =
        xk_asprintf("%s/state", device->config->backend);
    XK_CLEANUP_BUF struct xk_buf old = {0};

    if (xk_store_read(store, tx, node, VALUE_MAX, &old, deadline, err) == -1)
        return -1;
    return xk_device_put_number(device, tx, "state", (uint64_t)device->state,
                                deadline, err);
}

static int
unless_gone(int rc, const struct xk_error *err)
{
    return rc == -1 && err->kind == XK_ERR_NOT_FOUND ? 0 : rc;
}

int
xk_device_set_state(struct xk_device *device, int state, struct xk_error *err)
{
    device->state = state;
    if (device->store == NULL)
        return 0;
    return unless_gone(xk_store_transact(device->store, write_state, device,
                                         xk_device_store_deadline(), err),
                       err);
}

struct publication {
    struct xk_device *device;
    int (*put)(struct xk_device *device, uint32_t tx,
               struct xk_deadline deadline, struct xk_error *err);
};

static int
publish(struct xk_store *store, uint32_t tx, void *context,
        struct xk_deadline deadline, struct xk_error *err)
{
    const struct publication *publication = (const struct publication *)context;

    if (publication->put(publication->device, tx, deadline, err) == -1)
        return -1;
    return write_state(store, tx, publication->device, deadline, err);
}

int
xk_device_publish(struct xk_device *device,
                  int (*put)(struct xk_device *device, uint32_t tx,
                             struct xk_deadline deadline, struct xk_error *err),
                  struct xk_error *err)
{
    struct publication publication = {device, put};

    if (device->store == NULL)
        return xk_fail(err, XK_ERR_HOST, "xenstored is gone");
    return unless_gone(xk_store_transact(device->store, publish, &publication,
                                         xk_device_store_deadline(), err),
                       err);
}

/* A burst of 60 lines, then one line in 10 s. */
bool
xk_device_may_log(struct xk_device *device)
{
    int64_t now = xk_now_ns();

    if (device->next_line_ns < now - (LINES_AT_ONCE - 1) * LINE_NS)
        device->next_line_ns = now - (LINES_AT_ONCE - 1) * LINE_NS;
    if (device->next_line_ns > now)
        return false;
    device->next_line_ns += LINE_NS;
    return true;
}

void
xk_device_complain(struct xk_device *device, const char *reason)
{
    struct xk_error err;

    if (strcmp(device->reason, reason) == 0)
        return;
    snprintf(device->reason, sizeof(device->reason), "%s", reason);
    if (xk_device_may_log(device))
        xk_log(XK_LOG_ERROR, "%s: %s", device->title, reason);
    device->has_error_node = true;
    if (device->store != NULL &&
        xk_device_put_text(device, XK_STORE_NO_TX, "error", reason,
                           xk_device_store_deadline(), &err) == -1)
        xk_warn("%s", err.message);
}

void
xk_device_forget_complaint(struct xk_device *device)
{
    XK_CLEANUP_FREE char *node =
        xk_asprintf("%s/error", device->config->backend);
    struct xk_error err;

    device->reason[0] = '\0';
    if (!device->has_error_node || device->store == NULL)
        return;
    device->has_error_node = false;
    if (xk_store_remove(device->store, XK_STORE_NO_TX, node,
                        xk_device_store_deadline(), &err) == -1)
        xk_warn("%s", err.message);
}

static int
read_own(struct xk_device *device, const char *name, int unknown, int *value,
         struct xk_error *err)
{
    XK_CLEANUP_FREE char *node =
        xk_asprintf("%s/%s", device->config->backend, name);
    struct xk_error problem;
    uint64_t number;

    *value = unknown;
    if (xk_store_read_u64(device->store, XK_STORE_NO_TX, node,
                          XK_XENBUS_COUNT - 1, &number,
                          xk_device_store_deadline(), &problem) == 0) {
        *value = (int)number;
        return 0;
    }
    if (problem.kind == XK_ERR_NOT_FOUND)
        return 0;
    *err = problem;
    return -1;
}

int
xk_device_read_own(struct xk_device *device, int *state, bool *online,
                   struct xk_error *err)
{
    int number;

    if (read_own(device, "state", XK_XENBUS_UNKNOWN, state, err) == -1 ||
        read_own(device, "online", 0, &number, err) == -1)
        return -1;
    *online = number != 0;
    return 0;
}

/* Remove .../backend/KIND/DOMID/DEVID, and DOMID and KIND if they become
 * empty. */
static int
remove_with_parents(struct xk_store *store, uint32_t tx, void *context,
                    struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_device *device = (const struct xk_device *)context;
    XK_CLEANUP_FREE char *path = xk_strdup(device->config->backend);

    for (unsigned level = 0; level < LEVELS; level++) {
        XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};
        char *end = strrchr(path, '/');

        if (xk_store_remove(store, tx, path, deadline, err) == -1)
            return -1;
        if (end == NULL || end == path)
            return 0;
        *end = '\0';
        if (xk_store_list(store, tx, path, &names, deadline, err) == -1)
            return err->kind == XK_ERR_NOT_FOUND ? 0 : -1;
        if (names.count > 0)
            return 0;
    }
    return 0;
}

void
xk_device_remove_nodes(struct xk_device *device)
{
    struct xk_error err;

    if (device->store != NULL &&
        xk_store_transact(device->store, remove_with_parents, device,
                          xk_device_store_deadline(), &err) == -1)
        xk_warn("remove the backend's nodes: %s", err.message);
}
