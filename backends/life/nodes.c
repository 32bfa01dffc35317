/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The backend's nodes in the store. The guest can read all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/life/device_internal.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    STORE_MS = 5000,
    INFO_CDROM = 1,     /* VDISK_CDROM, xen/include/public/io/blkif.h */
    INFO_READ_ONLY = 4, /* VDISK_READONLY */
    VALUE_MAX = 32,
    LINES_AT_ONCE = 60,
    LEVELS = 3,
};

#define LINE_NS INT64_C(10000000000)

struct xk_deadline
xk_block_deadline(void)
{
    return xk_deadline_in_ms(STORE_MS);
}

static int
write_text(struct xk_block *block, uint32_t tx, const char *name,
           const char *text, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *node =
        xk_asprintf("%s/%s", block->config.backend, name);

    return xk_store_write(block->store, tx, node, text, deadline, err);
}

static int
write_number(struct xk_block *block, uint32_t tx, const char *name,
             uint64_t number, struct xk_deadline deadline, struct xk_error *err)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return write_text(block, tx, name, text, deadline, err);
}

static unsigned
info_bits(const struct xk_block *block)
{
    return (block->config.cdrom ? INFO_CDROM : 0u) |
           (block->device.limits.read_only ? INFO_READ_ONLY : 0u);
}

/* All there is to offer is there before InitWait: some frontends read it then,
 * others only when we are connected. */
static int
advertise(struct xk_store *store, uint32_t tx, void *context,
          struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_block *block = (struct xk_block *)context;
    const struct xk_engine *engine = block->device.engine;
    const struct xk_blkif_limits *limits = &block->device.limits;
    const struct {
        const char *name;
        uint64_t value;
    } nodes[] = {
        {"max-ring-page-order", block->offer.ring_order},
        {"multi-queue-max-queues", block->offer.queues},
        {"feature-max-indirect-segments", block->offer.segments},
        {"feature-flush-cache", 1},
        {"feature-barrier", 0},
        {"feature-persistent", 0},
        {"feature-discard", limits->discard},
        {"discard-granularity", engine->discard_granularity},
        {"discard-alignment", 0},
        {"discard-secure", 0},
        {"sectors", limits->sectors},
        {"sector-size", XK_BLKIF_SECTOR_BYTES},
        {"physical-sector-size", engine->physical_bytes},
        {"info", info_bits(block)},
        {"state", XK_XENBUS_INIT_WAIT},
    };

    (void)store;
    for (size_t i = 0; i < XK_ARRAY_SIZE(nodes); i++) {
        if (write_number(block, tx, nodes[i].name, nodes[i].value, deadline,
                         err) == -1)
            return -1;
    }
    return 0;
}

int
xk_block_advertise(struct xk_block *block, struct xk_error *err)
{
    if (xk_store_transact(block->store, advertise, block, xk_block_deadline(),
                          err) == -1)
        return xk_wrap(err, "offer the device to its frontend");
    block->state = XK_XENBUS_INIT_WAIT;
    return 0;
}

/* Only where the node still is: writing would make a device of a domain that
 * is gone, out of nothing. */
static int
write_state(struct xk_store *store, uint32_t tx, void *context,
            struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_block *block = (struct xk_block *)context;
    XK_CLEANUP_FREE char *node = xk_asprintf("%s/state", block->config.backend);
    XK_CLEANUP_BUF struct xk_buf old = {0};

    if (xk_store_read(store, tx, node, VALUE_MAX, &old, deadline, err) == -1)
        return -1;
    return write_number(block, tx, "state", (uint64_t)block->state, deadline,
                        err);
}

static int
unless_gone(int rc, const struct xk_error *err)
{
    return rc == -1 && err->kind == XK_ERR_NOT_FOUND ? 0 : rc;
}

int
xk_block_set_state(struct xk_block *block, int state, struct xk_error *err)
{
    block->state = state;
    if (block->store == NULL)
        return 0;
    return unless_gone(xk_store_transact(block->store, write_state, block,
                                         xk_block_deadline(), err),
                       err);
}

static int
write_size(struct xk_store *store, uint32_t tx, void *context,
           struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_block *block = (struct xk_block *)context;

    if (write_number(block, tx, "sectors", block->device.limits.sectors,
                     deadline, err) == -1)
        return -1;
    return write_state(store, tx, context, deadline, err);
}

/* A frontend reads the size again whenever our state is written, even the same
 * one. */
int
xk_block_write_size(struct xk_block *block, struct xk_error *err)
{
    if (block->store == NULL)
        return xk_fail(err, XK_ERR_HOST, "xenstored is gone");
    return unless_gone(xk_store_transact(block->store, write_size, block,
                                         xk_block_deadline(), err),
                       err);
}

int
xk_block_correct_size(struct xk_block *block, struct xk_error *err)
{
    XK_CLEANUP_FREE char *node =
        xk_asprintf("%s/sectors", block->config.backend);
    uint64_t told = 0;

    if (block->store == NULL)
        return 0;
    if (xk_store_read_u64(block->store, XK_STORE_NO_TX, node, UINT64_MAX, &told,
                          xk_block_deadline(), err) == -1)
        return unless_gone(-1, err);
    return told == block->device.limits.sectors
               ? 0
               : xk_block_write_size(block, err);
}

/* 60 lines at once, then one in 10 s. */
bool
xk_block_may_log(struct xk_block *block)
{
    int64_t now = xk_now_ns();

    if (block->next_line_ns < now - (LINES_AT_ONCE - 1) * LINE_NS)
        block->next_line_ns = now - (LINES_AT_ONCE - 1) * LINE_NS;
    if (block->next_line_ns > now)
        return false;
    block->next_line_ns += LINE_NS;
    return true;
}

void
xk_block_complain(struct xk_block *block, const char *reason)
{
    struct xk_error err;

    if (strcmp(block->reason, reason) == 0)
        return;
    snprintf(block->reason, sizeof(block->reason), "%s", reason);
    if (xk_block_may_log(block))
        xk_log(XK_LOG_ERROR, "%s: %s", block->config.vdev, reason);
    block->has_error_node = true;
    if (block->store != NULL &&
        write_text(block, XK_STORE_NO_TX, "error", reason, xk_block_deadline(),
                   &err) == -1)
        xk_warn("%s", err.message);
}

void
xk_block_forget_complaint(struct xk_block *block)
{
    XK_CLEANUP_FREE char *node = xk_asprintf("%s/error", block->config.backend);
    struct xk_error err;

    block->reason[0] = '\0';
    if (!block->has_error_node || block->store == NULL)
        return;
    block->has_error_node = false;
    if (xk_store_remove(block->store, XK_STORE_NO_TX, node, xk_block_deadline(),
                        &err) == -1)
        xk_warn("%s", err.message);
}

static int
read_own(struct xk_block *block, const char *name, int unknown, int *value,
         struct xk_error *err)
{
    XK_CLEANUP_FREE char *node =
        xk_asprintf("%s/%s", block->config.backend, name);
    struct xk_error problem;
    uint64_t number;

    *value = unknown;
    if (xk_store_read_u64(block->store, XK_STORE_NO_TX, node,
                          XK_XENBUS_COUNT - 1, &number, xk_block_deadline(),
                          &problem) == 0) {
        *value = (int)number;
        return 0;
    }
    if (problem.kind == XK_ERR_NOT_FOUND)
        return 0;
    *err = problem;
    return -1;
}

int
xk_block_read_own(struct xk_block *block, int *state, bool *online,
                  struct xk_error *err)
{
    int number;

    if (read_own(block, "state", XK_XENBUS_UNKNOWN, state, err) == -1 ||
        read_own(block, "online", 0, &number, err) == -1)
        return -1;
    *online = number != 0;
    return 0;
}

/* .../backend/KIND/DOMID/DEVID: what holds nothing else goes as well. */
static int
remove_with_parents(struct xk_store *store, uint32_t tx, void *context,
                    struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_block *block = (const struct xk_block *)context;
    XK_CLEANUP_FREE char *path = xk_strdup(block->config.backend);

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
xk_block_remove_nodes(struct xk_block *block)
{
    struct xk_error err;

    if (block->store != NULL &&
        xk_store_transact(block->store, remove_with_parents, block,
                          xk_block_deadline(), &err) == -1)
        xk_warn("remove the backend's nodes: %s", err.message);
}
