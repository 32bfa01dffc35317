/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which host owns a moved domain: the one fact that must survive everything.
 *
 * A move has its own UUID. The target decides, by a file LIB/moves/UUID:
 *
 *   open      no file: the target has not resumed the guest
 *   trying    written before the target resumes the guest, which may have run
 *             from then on. One process may remove the file and so return to
 *             "open": the one that holds the record's lock, if it has not
 *             resumed the guest yet or if the hypervisor refused to.
 *   owned     final: the guest runs on the target, or was resumed there.
 *             Whatever happens to it from then on happens there.
 *   refused   final: nothing of the guest is left on the target, and the file
 *             keeps every process from "trying"
 *
 * So "trying" is not a decision yet: if the hypervisor refuses to resume the
 * guest, the target withdraws it, removes the guest and then refuses the move.
 *
 * "trying" and "refused" are created by link(2), which is atomic and fails if
 * the file exists, so only one of them can win. The text of "trying" is on disk
 * before memory is sent, so a disk that is full by then does no harm.
 *
 * While a record on the target is receiving by this move, a source that asks is
 * told "open", unless the file says "owned". Once there is no such record, the
 * file alone decides: "trying" counts as "owned" (the power may have failed
 * while the guest ran), and "open" becomes "refused".
 *
 * Which host has the guest in the end if a process is killed, or if it is
 * stopped (SIGSTOP), given up on by the others, and continued later. On Xen
 * read "Xen" for "QEMU".
 *
 *                       killed              stopped and continued late
 *   source, before      source              source
 *   the note "commit"
 *   source, later       asks, then obeys    reads the answer that has arrived,
 *                                           or asks
 *   source's QEMU,      lost with QEMU      source, once QEMU continues
 *   before COMMIT
 *   source's QEMU,      as decided: destroyed or resumed at the source
 *   later
 *   target, "open"      source              source waits; target if COMMIT came
 *   target, "trying"    target, recovered   source waits; target
 *   target, "owned"     target, recovered   target
 *   target's QEMU,      source              source; the target kills QEMU
 *   not resumed yet                         before it says so
 *   target's QEMU,      lost with QEMU      target: "owned", whether the guest
 *   later                                   runs or not; recovery resumes it
 *   target's power      source if "open"; otherwise the guest is lost with its
 *   fails               host, as it would be without a move
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

/* Read the decision so far into *fate. Returns -1 if it cannot be read. */
int xk_handover_read(const struct xk_state *state, const struct xk_uuid *move,
                     enum xk_handover *fate, struct xk_error *err);

/* Write the text of "trying" to disk, so that xk_handover_try() only has to
 * link it. */
int xk_handover_prepare(const struct xk_state *state,
                        const struct xk_uuid *move, struct xk_error *err);

/* Change "open" to "trying". XK_ERR_STATE if it is not "open". */
int xk_handover_try(const struct xk_state *state, const struct xk_uuid *move,
                    struct xk_error *err);

/* Change "trying" back to "open"; do nothing in any other state. Only for the
 * process that holds the record's lock and knows that the guest did not run. */
int xk_handover_withdraw(const struct xk_state *state,
                         const struct xk_uuid *move, struct xk_error *err);

/* Change "trying" to "owned". */
int xk_handover_own(const struct xk_state *state, const struct xk_uuid *move,
                    struct xk_error *err);

/* Change "open" to "refused", unless another decision was made meanwhile. *fate
 * is the decision that holds. */
int xk_handover_refuse(const struct xk_state *state, const struct xk_uuid *move,
                       enum xk_handover *fate, struct xk_error *err);

/* Remove the decision. Only when both hosts know it or no host will ask for it.
 */
void xk_handover_forget(const struct xk_state *state,
                        const struct xk_uuid *move);

#endif
