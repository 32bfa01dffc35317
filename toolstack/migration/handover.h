/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose a moved domain is: the one fact that must survive everything.
 *
 * A move has a UUID of its own. The host it goes to decides its fate once and
 * for all by making LIB/moves/UUID, with "owned" in it before the domain may
 * run there, or "refused" when it never will. The file is made in one step and
 * only if it is not there, and synced; whoever comes second obeys it. The host
 * it comes from, once it has said COMMIT, waits for that word.
 */
#ifndef XK_TOOLSTACK_MIGRATION_HANDOVER_H
#define XK_TOOLSTACK_MIGRATION_HANDOVER_H

#include "base/error.h"
#include "base/uuid.h"
#include "toolstack/record.h"

enum xk_handover {
    XK_HANDOVER_OPEN,
    XK_HANDOVER_OWNED,
    XK_HANDOVER_REFUSED,
};

const char *xk_handover_name(enum xk_handover fate); /* "owned" */
enum xk_handover xk_handover_by_name(const char *name);

/* The fate so far; -1 where it cannot be read. */
int xk_handover_read(const struct xk_state *state, const struct xk_uuid *move,
                     enum xk_handover *fate, struct xk_error *err);

/* Decide, unless it is decided: *fate is what holds from now on. */
int xk_handover_decide(const struct xk_state *state, const struct xk_uuid *move,
                       enum xk_handover *fate, struct xk_error *err);

/* Both hosts know it: forget it. */
void xk_handover_forget(const struct xk_state *state,
                        const struct xk_uuid *move);

#endif
