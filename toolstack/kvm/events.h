/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a domain, read from the events that its QEMU logged. Nobody
 * asks QEMU, so it costs little and a QEMU that hangs does not matter.
 *
 * How it works: QEMU runs with `-action reboot=shutdown,shutdown=pause,
 * panic=pause,watchdog=pause`: a guest that stops leaves QEMU paused, after a
 * SHUTDOWN, GUEST_PANICKED or WATCHDOG event that says why. The state is what
 * comes out of taking all events in turn. They are taken from QEMU's memory
 * (toolstack/kvm/live_log.h), which ends with QEMU. So the state that was taken
 * is saved (events.json), with how far that was, as soon as somebody has seen
 * it change: the monitor, or a verb. What was taken is added to events.log, for
 * people.
 *
 * What there is no room for is lost, and a log that shows that leaves the state
 * in doubt. Only then is QEMU asked (toolstack/kvm/status.h).
 */
#ifndef XK_TOOLSTACK_KVM_EVENTS_H
#define XK_TOOLSTACK_KVM_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/hypervisor.h"
#include "toolstack/kvm/live_log.h"

struct xk_kvm_run {
    enum xk_domain_state state;
    enum xk_stop_reason reason; /* in SHUTDOWN and CRASHED */
    bool powered_off;           /* SHUTDOWN, by the guest's own wish */
    int64_t powered_off_us;     /* when, by the clock of the wall */
    bool ending;                /* QEMU was told to end */
    bool stop_unexplained;      /* PAUSED without any event that says why */
    bool negotiated;            /* before that QEMU logs no event */
    bool doubtful;              /* events may be missing since: QEMU knows */
    off_t taken;                /* how far the log was read for this */
    int64_t round;              /* how often it had begun anew by then */
    int64_t log;                /* which log that was */
};

/* The state before the first event: not started. */
void xk_kvm_run_init(struct xk_kvm_run *run);

/* Take one line of the log; what is no event changes nothing. Returns whether
 * it may have changed the state. */
bool xk_kvm_run_take(struct xk_kvm_run *run, const char *line, size_t length);

/* Take all whole lines of text, which stands at an offset of a log; returns how
 * many bytes they are. A last line that has no end, and is longer than any
 * event, counts as whole. *changed (may be NULL) becomes true where a line may
 * have changed the state. */
size_t xk_kvm_run_take_text(struct xk_kvm_run *run, const char *text,
                            size_t length, off_t at, bool *changed);

enum {
    XK_KVM_EVENT_MAX = 16 * 1024 /* bytes of a line that is looked at */
};

/* The state that the events of a record's QEMU tell; where that has ended, the
 * one that was saved. What is left at the deadline is passed over, which leaves
 * the state in doubt. */
int xk_kvm_events_read(int record_dir_fd, struct xk_kvm_run *run,
                       struct xk_deadline deadline, struct xk_error *err);

/* Look through what the log got since *offset, and move that on: whether
 * anything of it may have changed the state. */
bool xk_kvm_events_look(const struct xk_kvm_live *live, off_t *offset);

/* Another QEMU is about to log: nothing that the last one said is said of it.
 */
int xk_kvm_events_begin(int record_dir_fd, const struct xk_kvm_live *live,
                        struct xk_error *err);

/* QEMU was asked after *run had been read, and says that this is the state:
 * what is missing from the log up to there matters no more. */
void xk_kvm_events_settle(int record_dir_fd, const struct xk_kvm_run *run);

/* Save the state, add what was taken to events.log, and give back room. Anyone
 * may, at any time, also once that QEMU has ended. -1: another holds the log.
 */
int xk_kvm_events_gather(int record_dir_fd, const struct xk_kvm_live *live);

/* The same, and move the console and QEMU's own output to their logs
 * (toolstack/kvm/logs.h). -1: another process holds one of the logs; the rest
 * is done. */
int xk_kvm_gather(int record_dir_fd,
                  const struct xk_kvm_live lives[XK_KVM_LOG_COUNT]);

#endif
