/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a domain, derived from the events that its QEMU logged. QEMU
 * itself is not asked, so this is cheap and works even if QEMU hangs.
 *
 * How it works: QEMU runs with `-action
 * reboot=shutdown,shutdown=pause,panic=pause,watchdog=pause`. A guest that
 * stops leaves QEMU paused, after a SHUTDOWN, GUEST_PANICKED or WATCHDOG event
 * that gives the reason. The state is the result of applying all events in
 * order. Events are read from QEMU's memory (toolstack/kvm/live_log.h), which
 * vanishes with QEMU. So as soon as a process (the monitor or a verb) sees the
 * state change, it saves the state in events.json, with the offset up to which
 * the log was read. It also appends the events it read to events.log, for
 * people.
 *
 * Events that do not fit the log are lost. A log that shows such a loss leaves
 * the state in doubt. Only then is QEMU asked (toolstack/kvm/status.h).
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
    bool powered_off;           /* SHUTDOWN that the guest itself asked for */
    int64_t powered_off_us;     /* when, by CLOCK_REALTIME */
    bool ending;                /* QEMU was told to end */
    bool stop_unexplained;      /* PAUSED, and no event says why */
    bool negotiated;            /* until then QEMU logs no events */
    bool doubtful;              /* events may be missing: ask QEMU */
    off_t taken;                /* offset up to which the log was read */
    int64_t round;              /* how often the log had been rewound by then */
    int64_t log;                /* which log that was: xk_kvm_live_number() */
};

/* Set the state before the first event: not started. */
void xk_kvm_run_init(struct xk_kvm_run *run);

/* Apply one line of the log; a line that is not an event changes nothing.
 * Returns whether the state may have changed. */
bool xk_kvm_run_take(struct xk_kvm_run *run, const char *line, size_t length);

/* Apply all complete lines of text, which was read at offset `at` of a log.
 * Returns how many bytes they are. An incomplete last line that is longer than
 * any event counts as complete. *changed (may be NULL) becomes true if a line
 * may have changed the state. */
size_t xk_kvm_run_take_text(struct xk_kvm_run *run, const char *text,
                            size_t length, off_t at, bool *changed);

enum {
    XK_KVM_EVENT_MAX = 16 * 1024 /* bytes of the longest line that is parsed */
};

/* Derive the state from the events of the record's QEMU; if QEMU has ended,
 * read the saved state. Events not read by the deadline are skipped, which
 * leaves the state in doubt. */
int xk_kvm_events_read(int record_dir_fd, struct xk_kvm_run *run,
                       struct xk_deadline deadline, struct xk_error *err);

/* Scan what was logged since *offset, and advance *offset. Returns whether the
 * state may have changed. */
bool xk_kvm_events_scan(const struct xk_kvm_live *live, off_t *offset);

/* Reset the saved state for a QEMU that is about to log: events of its
 * predecessor do not apply to it. */
int xk_kvm_events_begin(int record_dir_fd, const struct xk_kvm_live *live,
                        struct xk_error *err);

/* Save *run as the state at the offset up to which it was read. The caller has
 * asked QEMU since then, and QEMU confirmed the state, so events missing before
 * that offset do not matter. */
void xk_kvm_events_settle(int record_dir_fd, const struct xk_kvm_run *run);

/* Save the state, append the events read to events.log, and free room in QEMU's
 * log. Any process may call this at any time, also after QEMU has ended. -1:
 * another process holds the log. */
int xk_kvm_events_gather(int record_dir_fd, const struct xk_kvm_live *live);

/* The same, and move the console and QEMU's own output to their logs
 * (toolstack/kvm/logs.h). -1: another process holds one of the logs; the rest
 * is done. */
int xk_kvm_gather(int record_dir_fd,
                  const struct xk_kvm_live lives[XK_KVM_LOG_COUNT]);

#endif
