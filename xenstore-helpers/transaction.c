/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xenstore-helpers/store.h"

/* Abort a transaction. Ignore an error: xenstored drops the transaction anyway
 * when the connection ends, and the first failure is the one to report. */
static void
give_up(struct xk_store *store, uint32_t tx, struct xk_deadline deadline)
{
    store->ops->end(store, tx, false, deadline, NULL);
}

int
xk_store_transact(struct xk_store *store,
                  int (*work)(struct xk_store *store, uint32_t tx,
                              void *context, struct xk_deadline deadline,
                              struct xk_error *err),
                  void *context, struct xk_deadline deadline,
                  struct xk_error *err)
{
    for (int i = 0; i < XK_STORE_TRIES; i++) {
        uint32_t tx;
        int end;

        if (i > 0 && xk_deadline_left_ms(deadline) == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "xenstore is too busy: others keep changing the "
                           "same nodes");
        if (store->ops->begin(store, &tx, deadline, err) == -1)
            return -1;
        if (work(store, tx, context, deadline, err) == -1) {
            give_up(store, tx, deadline);
            return -1;
        }
        end = store->ops->end(store, tx, true, deadline, err);
        if (end != XK_STORE_CONFLICT)
            return end;
    }
    return xk_fail(err, XK_ERR_BUSY,
                   "xenstore is too busy: %d tries of one change conflicted "
                   "with changes of others",
                   XK_STORE_TRIES);
}
