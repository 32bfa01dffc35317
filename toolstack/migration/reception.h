/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain that is being received, as its journal and the decision file
 * describe it. Used by the process that receives it, by a process that the
 * source asks, and by recovery. */
#ifndef XK_TOOLSTACK_MIGRATION_RECEPTION_H
#define XK_TOOLSTACK_MIGRATION_RECEPTION_H

#include <stdbool.h>

#include "base/buf.h"
#include "toolstack/host_drivers.h"
#include "toolstack/migration/session.h"

/* Write the detail of the journal's BEGIN. runs: resume the domain once it has
 * arrived. */
void xk_reception_put(const struct xk_uuid *move, bool runs,
                      struct xk_buf *text);

/* Find the record of the domain that is received by this move, whether its
 * process lives or recovery has to finish it. *record is owned by the caller;
 * NULL if there is none. A record that cannot be read is an error, because it
 * could be that one. */
int xk_reception_find(const struct xk_state *state, const struct xk_uuid *move,
                      struct xk_record **record, struct xk_error *err);

/* Remove every trace of a received domain that never ran. The source must not
 * be told before this has succeeded. */
int xk_reception_undo(struct xk_domain *domain, struct xk_deadline deadline,
                      struct xk_error *err);

/* Answer a source that asks what was decided about the move. */
int xk_reception_answer(const struct xk_state *state,
                        const struct xk_uuid *move, struct xk_talk *talk,
                        struct xk_error *err);

/* Recover a reception that was killed: forward if the guest may have run here,
 * else back to nothing. */
int xk_receive_recover(struct xk_host *host, struct xk_domain *domain,
                       struct xk_deadline deadline, struct xk_error *err);

#endif
