/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a plan to a QEMU that answers.
 *
 * How it works. QEMU inherits these descriptors:
 *  - one end of a socket pair as a QMP monitor called "events", whose traffic
 *    QEMU also writes to a log. We read the greeting and negotiate on our end,
 *    and close it. QEMU goes on writing every event to the log although nobody
 *    is connected;
 *  - its logs: sealed memory (toolstack/kvm/live_log.h). QEMU opens a log to
 *    append, and this memory takes nothing behind its end. So a log that QEMU
 *    opens by name works only once we have turned O_APPEND off. If we are
 *    killed before that, the log takes nothing, and the domain counts as one
 *    that was never told to log;
 *  - a listening socket, qmp.sock in the record, for commands;
 *  - a FIFO for console input (toolstack/kvm/console.c).
 * The process names itself in the record (toolstack/kvm/identity.h) before it
 * becomes QEMU, while it still holds the record's lock. So a killed xk never
 * leaves a process that the record does not know.
 */
#ifndef XK_TOOLSTACK_KVM_LAUNCH_H
#define XK_TOOLSTACK_KVM_LAUNCH_H

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/kvm/plan.h"
#include "toolstack/record.h"

/* Add what the launcher needs to a plan that xk_kvm_plan_domain() filled: start
 * stopped, pause instead of exiting when the guest stops, the sandbox, QMP, the
 * event log and the console. The files for these are created in record_dir_fd,
 * the record's directory, for plan->uid. *events_fd becomes our end of the
 * event channel, which the caller closes. A dry plan takes -1 and NULL, touches
 * nothing and gets the same arguments. */
int xk_kvm_launch_complete_plan(struct xk_kvm_plan *plan,
                                const struct xk_domain_config *config,
                                int record_dir_fd, int *events_fd,
                                struct xk_error *err);

/* Start QEMU as planned and wait until QMP answers. The caller holds the
 * record's lock, and no QEMU of the record is alive. Takes events_fd and the
 * plan's descriptors, which become QEMU's, in any case. If QEMU exits at once,
 * the error is what it printed. A failure may leave a process for
 * xk_kvm_teardown(). */
int xk_kvm_launch(struct xk_kvm_plan *plan, const struct xk_record *record,
                  int events_fd, struct xk_deadline deadline,
                  struct xk_error *err);

/* Explain why the first call to a record's QEMU failed with *err. If QEMU has
 * ended, *err becomes what it printed last; `words` is the log of its output,
 * found while QEMU was alive. Returns -1. */
int xk_kvm_launch_explain(const struct xk_record *record,
                          const struct xk_kvm_live *words,
                          struct xk_deadline deadline, struct xk_error *err);

#endif
