/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose a moved domain is: the one fact that must survive everything.
 *
 * A move has a UUID of its own. The host it goes to decides its fate once and
 * for all by a file LIB/moves/UUID:
 *
 *   open      no file. The guest was never told to run here.
 *   trying    made before it is told to. It may have run from now on, and only
 *             the process that holds the record and has not told it to run yet,
 *             or whom the hypervisor has refused that, can go back to "open".
 *   owned     it runs here, or was told to, for ever: whatever becomes of it
 *             becomes of it here.
 *   refused   it never will: there is nothing left of it, and the file keeps
 *             everybody from "trying".
 *
 * "trying" and "refused" are made by link(2), in one step and only where there
 * is no file; so only one of both can be. The bytes of "trying" are on the disk
 * before memory is sent, so that a full one is no matter then.
 *
 * Who asks is told "open" as long as there is a record that receives by this
 * move, "owned" excepted. What is on the disk and no record any more speaks for
 * itself: "trying" is "owned" then (the power may have failed as it ran), and
 * "open" is "refused".
 *
 * What becomes of a guest when one of the processes is killed, or is stopped,
 * the others give up on it, and it goes on later; QEMU stands for Xen as well:
 *
 *                       killed              stopped, and late
 *   before COMMIT is    source              source
 *   noted
 *   source, later       asks, and does as   takes what it finds said, or asks
 *                       is decided
 *   source's QEMU,      dies with it        source, once it goes on
 *   before COMMIT
 *   source's QEMU,      as is decided: it is ended there, or taken back
 *   later
 *   target, "open"      source              source waits; target if COMMIT came
 *   target, "trying"    target, recovered   source waits; target
 *   target, "owned"     target, recovered   target
 *   target's QEMU, not  source              source, and it is killed before
 *   told to run yet                         that is said
 *   target's QEMU,      dies with it        target: "owned", whether it runs or
 *   later                                   not; recovery tells it again
 *   target's power      source where it is "open"; else the guest is lost with
 *                       its host, as it would be without a move
 */
#ifndef XK_TOOLSTACK_MIGRATION_HANDOVER_H
#define XK_TOOLSTACK_MIGRATION_HANDOVER_H

#include "base/error.h"
#include "base/uuid.h"
#include "toolstack/record.h"

enum xk_handover {
    XK_HANDOVER_OPEN,
    XK_HANDOVER_TRYING,
    XK_HANDOVER_OWNED,
    XK_HANDOVER_REFUSED,
};

const char *xk_handover_name(enum xk_handover fate); /* "owned" */
enum xk_handover xk_handover_by_name(const char *name);

/* The fate so far; -1 where it cannot be read. */
int xk_handover_read(const struct xk_state *state, const struct xk_uuid *move,
                     enum xk_handover *fate, struct xk_error *err);

/* All that xk_handover_try() needs but a name in a folder. */
int xk_handover_prepare(const struct xk_state *state,
                        const struct xk_uuid *move, struct xk_error *err);

/* From "open" to "trying"; XK_ERR_STATE where it is not open. */
int xk_handover_try(const struct xk_state *state, const struct xk_uuid *move,
                    struct xk_error *err);

/* Back from "trying" to "open"; nothing where it is another one. */
int xk_handover_withdraw(const struct xk_state *state,
                         const struct xk_uuid *move, struct xk_error *err);

/* From "trying" to "owned". */
int xk_handover_own(const struct xk_state *state, const struct xk_uuid *move,
                    struct xk_error *err);

/* From "open" to "refused", unless it is another one by now: *fate is what it
 * is. */
int xk_handover_refuse(const struct xk_state *state, const struct xk_uuid *move,
                       enum xk_handover *fate, struct xk_error *err);

/* Both hosts know it, or nobody will ask: forget it. */
void xk_handover_forget(const struct xk_state *state,
                        const struct xk_uuid *move);

#endif
