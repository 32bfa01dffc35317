/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a plan to a QEMU that answers.
 *
 * How it works. QEMU is given, as inherited descriptors:
 *  - one end of a socket pair as a QMP monitor called "events", whose traffic
 *    it also writes to a log. We take the greeting and negotiate on our end,
 *    and close it. QEMU goes on writing every event to the log though nobody
 *    is connected;
 *  - its logs: sealed memory (toolstack/kvm/live_log.h), which QEMU opens to
 * append to. That memory takes nothing behind its end, so a log that QEMU opens
 * by its name begins once we have turned that off. Where we are killed before
 *    it takes nothing, and the domain is one that was never told to log;
 *  - a socket that listens already, qmp.sock in the record, for commands;
 *  - a FIFO for what is typed (toolstack/kvm/console.h).
 * The process names itself in the record (toolstack/kvm/identity.h) before it
 * becomes QEMU, while it still holds the record's lock: there is no moment at
 * which a killed xk leaves a process that the record does not know.
 */
#ifndef XK_TOOLSTACK_KVM_LAUNCH_H
#define XK_TOOLSTACK_KVM_LAUNCH_H

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/record.h"

/* Add to a plan that xk_kvm_plan_domain() filled what the launcher wants of
 * QEMU: not started, paused instead of ending when the guest stops, sandboxed,
 * QMP, event log and consoles. record_dir_fd is the record's directory, where
 * the files for these are made for plan->uid; *events_fd becomes our end of the
 * event channel, the caller's to close. A dry plan takes -1 and NULL, touches
 * nothing and gets the same arguments. */
int xk_kvm_launch_complete_plan(struct xk_kvm_plan *plan,
                                const struct xk_domain_config *config,
                                int record_dir_fd, int *events_fd,
                                struct xk_error *err);

/* Start QEMU as planned and wait until QMP answers. The record is locked and
 * holds no QEMU that is alive. events_fd is taken in any case, and so are the
 * plan's descriptors, which are QEMU's then. Where QEMU ends at once, the error
 * is what it said. On failure a process may be left, for xk_kvm_teardown(). */
int xk_kvm_launch(struct xk_kvm_plan *plan, const struct xk_record *record,
                  int events_fd, struct xk_deadline deadline,
                  struct xk_error *err);

/* A call to the QEMU of a record, its first, failed with *err. Where that is
 * because QEMU ended, make *err what it said last; `words` is where it said it,
 * found while QEMU was alive. Returns -1. */
int xk_kvm_launch_explain(const struct xk_record *record,
                          const struct xk_kvm_live *words,
                          struct xk_deadline deadline, struct xk_error *err);

#endif
