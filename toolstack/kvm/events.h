/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a domain, read from the events that its QEMU logged. Nobody
 * asks QEMU, so it costs little and a QEMU that hangs does not matter.
 *
 * How it works: QEMU runs with `-action reboot=shutdown,shutdown=pause,
 * panic=pause,watchdog=pause`: a guest that stops leaves QEMU paused, after a
 * SHUTDOWN, GUEST_PANICKED or WATCHDOG event that says why. The state is what
 * comes out of taking all events in turn. So that the log does not grow
 * without bound, the state at some offset is saved (events.json) and what
 * stands before is given back to the file system as a hole; offsets stay.
 *
 * What cannot be written for want of room is lost. So there is always some room
 * that belongs to the log alone, and a log that shows that a write has failed
 * leaves the state in doubt. Only then is QEMU asked (toolstack/kvm/state.h).
 * So it is where the log has used up its room (toolstack/kvm/logs.h).
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
};

/* The state before the first event: not started. */
void xk_kvm_run_init(struct xk_kvm_run *run);

/* Take one line of the log; what is no event changes nothing. Returns whether
 * it may have changed the state. */
bool xk_kvm_run_take(struct xk_kvm_run *run, const char *line, size_t length);

/* Take all whole lines of text; returns how many bytes they are. A last line
 * that has no end, and is longer than any event, counts as whole. *changed (may
 * be NULL) becomes true where a line may have changed the state. */
size_t xk_kvm_run_take_text(struct xk_kvm_run *run, const char *text,
                            size_t length, bool *changed);

enum {
    XK_KVM_EVENT_MAX = 16 * 1024 /* bytes of a line that is looked at */
};

/* The state that the log of a record tells. However much the guest had logged,
 * a bounded part of it is read, and what is left of that at the deadline is
 * passed over, which leaves the state in doubt. */
int xk_kvm_events_read(int record_dir_fd, struct xk_kvm_run *run,
                       struct xk_deadline deadline, struct xk_error *err);

/* Look through what the log got since *offset, and move that on: whether
 * anything of it may have changed the state. */
bool xk_kvm_events_look(int log_fd, off_t *offset);

/* Another QEMU is about to log: nothing that the last one said is said of it.
 * Until it greets, the state is as before the first event. */
int xk_kvm_events_begin(int record_dir_fd, struct xk_error *err);

/* QEMU was asked after *run had been read, and says that this is the state:
 * what is missing from the log up to there matters no more. */
void xk_kvm_events_settle(int record_dir_fd, const struct xk_kvm_run *run);

/* Take room for what will be logged. */
int xk_kvm_events_reserve(int log_fd, struct xk_error *err);

/* Give back what was taken, if it is much, and reserve. Anyone may, at any
 * time. */
void xk_kvm_events_trim(int record_dir_fd);

#endif
