/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interrupted move, as the journal of its source describes it. */
#ifndef XK_TOOLSTACK_MIGRATION_PAST_MOVE_H
#define XK_TOOLSTACK_MIGRATION_PAST_MOVE_H

#include "base/json.h"
#include "toolstack/migration/link.h"
#include "toolstack/record.h"

struct xk_past_move {
    struct xk_json *begin; /* the detail of BEGIN */
    struct xk_uuid id;
    bool runs;      /* the guest ran before the move */
    bool committed; /* the target decides */
};

/* Read the unfinished move: XK_ERR_STATE if no move is unfinished. */
int xk_past_move_read(const struct xk_record *record, struct xk_past_move *move,
                      struct xk_error *err);
void xk_past_move_free(struct xk_past_move *move);
#define XK_CLEANUP_PAST_MOVE __attribute__((cleanup(xk_past_move_free)))

/* Set up the link over which to ask the target. Free it with xk_link_free(). */
int xk_past_move_link(const struct xk_past_move *move, struct xk_link *link,
                      struct xk_error *err);

#endif
