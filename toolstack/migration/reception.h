/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain that is received, as its journal and the decision tell of it: for
 * who receives it, who asks for it, and who comes after a kill. */
#ifndef XK_TOOLSTACK_MIGRATION_RECEPTION_H
#define XK_TOOLSTACK_MIGRATION_RECEPTION_H

#include <stdbool.h>

#include "base/buf.h"
#include "toolstack/host_drivers.h"
#include "toolstack/migration/session.h"

/* The detail of BEGIN. runs: the domain is to run once it is here. */
void xk_reception_put(const struct xk_uuid *move, bool runs,
                      struct xk_buf *text);

/* *record, the caller's, is that of the domain which is received by that move,
 * by a process that lives or by recovery; NULL where there is none. What is not
 * to be read may be it: an error. */
int xk_reception_find(const struct xk_state *state, const struct xk_uuid *move,
                      struct xk_record **record, struct xk_error *err);

/* Nothing is left of it here, and it never ran. The source must not hear so
 * before it is true. */
int xk_reception_undo(struct xk_domain *domain, struct xk_deadline deadline,
                      struct xk_error *err);

/* Tell the source, which has asked, what became of the move. */
int xk_reception_answer(const struct xk_state *state,
                        const struct xk_uuid *move, struct xk_talk *talk,
                        struct xk_error *err);

/* Recover a reception that was killed: forward if the guest may have run here,
 * else back to nothing. */
int xk_receive_recover(struct xk_host *host, struct xk_domain *domain,
                       struct xk_deadline deadline, struct xk_error *err);

#endif
