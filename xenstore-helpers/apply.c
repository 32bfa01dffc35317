/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Make many changes in few round trips. */
#include <errno.h>

#include "xenstore-helpers/store.h"

static int
change_one(struct xk_store *store, uint32_t tx,
           const struct xk_store_change *change, struct xk_deadline deadline,
           struct xk_error *err)
{
    switch (change->kind) {
    case XK_STORE_WRITE:
        return xk_store_write(store, tx, change->path, change->value, deadline,
                              err);
    case XK_STORE_MAKE:
        return xk_store_make(store, tx, change->path, deadline, err);
    case XK_STORE_REMOVE:
        return xk_store_remove(store, tx, change->path, deadline, err);
    case XK_STORE_PERMS:
        return xk_store_set_perms(store, tx, change->path, change->perms,
                                  change->perm_count, deadline, err);
    }
    return xk_fail(err, XK_ERR_USAGE, "unknown kind of change to xenstore");
}

static int
one_by_one(struct xk_store *store, uint32_t tx,
           const struct xk_store_change *changes, size_t count,
           struct xk_deadline deadline, struct xk_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (change_one(store, tx, &changes[i], deadline, err) == -1)
            return -1;
    }
    return 0;
}

static int
apply_burst(struct xk_store *store, uint32_t tx,
            const struct xk_store_change *changes, size_t count,
            struct xk_deadline deadline, struct xk_error *err)
{
    int errnums[XK_STORE_BURST];

    if (store->ops->change_burst(store, tx, changes, count, errnums, deadline,
                                 err) == -1)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (errnums[i] != 0 &&
            (changes[i].kind != XK_STORE_REMOVE || errnums[i] != ENOENT))
            return xk_store_refused(errnums[i], changes[i].path, err);
    }
    return 0;
}

int
xk_store_apply(struct xk_store *store, uint32_t tx,
               const struct xk_store_change *changes, size_t count,
               struct xk_deadline deadline, struct xk_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (xk_store_check_change(&changes[i], err) == -1)
            return -1;
    }
    if (store->ops->change_burst == NULL)
        return one_by_one(store, tx, changes, count, deadline, err);
    for (size_t i = 0; i < count; i += XK_STORE_BURST) {
        size_t n = count - i < XK_STORE_BURST ? count - i : XK_STORE_BURST;

        if (apply_burst(store, tx, changes + i, n, deadline, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_store_introduce(struct xk_store *store, unsigned domid, uint64_t gfn,
                   uint32_t port, struct xk_deadline deadline,
                   struct xk_error *err)
{
    if (store->ops->introduce == NULL)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "this store cannot introduce domains");
    return store->ops->introduce(store, domid, gfn, port, deadline, err);
}
