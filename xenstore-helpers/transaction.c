/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xenstore-helpers/store.h"

/* Give up what is not to be carried out. The store forgets it anyway when the
 * connection ends, so a failure here adds nothing to the first one. */
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
                           "xenstore is too busy: others change the same "
                           "nodes all the time");
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
                   "xenstore is too busy: %d tries at one change were "
                   "overtaken by others",
                   XK_STORE_TRIES);
}
