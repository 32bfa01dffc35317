/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Read the log of events, and save the state derived from it. */
#include "toolstack/kvm/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/logs.h"

enum {
    PAGE = 4096,
    TRIM_AT = 64 * 1024, /* bytes read since the last save */
    TAKEN_MAX = 4096,
    AT_ONCE = 128 * 1024, /* bytes read between two looks at the time */
    OLD_MAX = 2 << 20,    /* bytes read of an older xk's log */
    TRIES = 3,
    HOLD_MS = 2000,
};

/* ---- the saved state ---- */

static const struct {
    const char *key;
    size_t offset;
} flags[] = {
    {"powered_off", offsetof(struct xk_kvm_run, powered_off)},
    {"ending", offsetof(struct xk_kvm_run, ending)},
    {"stop_unexplained", offsetof(struct xk_kvm_run, stop_unexplained)},
    {"negotiated", offsetof(struct xk_kvm_run, negotiated)},
    {"doubtful", offsetof(struct xk_kvm_run, doubtful)},
};

static bool *
flag(struct xk_kvm_run *run, size_t i)
{
    return (bool *)((char *)run + flags[i].offset);
}

static bool
read_number(const struct xk_json *json, const char *key, int64_t max,
            int64_t *number)
{
    return xk_json_integer(xk_json_get(json, key), number) && *number >= 0 &&
           *number <= max;
}

struct saved {
    off_t offset;  /* everything before it was read */
    int64_t round; /* how often the log was rewound */
    int64_t log;   /* which log (xk_kvm_live_number()); 0: unknown */
};

/* If nothing is saved, or it cannot be read, start at the beginning of the
 * log. */
static void
load_taken(int dirfd, struct xk_kvm_run *run, struct saved *saved)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    int64_t number, state, reason;

    *saved = (struct saved){0};
    xk_kvm_run_init(run);
    if (xk_read_file(dirfd, XK_KVM_FILE_TAKEN, TAKEN_MAX, &text, NULL) == -1)
        return;
    json = xk_json_parse(text.data, text.length, XK_KVM_FILE_TAKEN, NULL);
    if (json == NULL || !read_number(json, "offset", INT64_MAX, &number) ||
        !read_number(json, "state", XK_STATE_COUNT - 1, &state) ||
        !read_number(json, "reason", XK_STOP_COUNT - 1, &reason))
        return;
    saved->offset = number;
    if (read_number(json, "round", INT64_MAX, &number))
        saved->round = number;
    if (read_number(json, "log", INT64_MAX, &number))
        saved->log = number;
    run->state = (enum xk_domain_state)state;
    run->reason = (enum xk_stop_reason)reason;
    if (read_number(json, "powered_off_us", INT64_MAX, &number))
        run->powered_off_us = number;
    for (size_t i = 0; i < XK_ARRAY_SIZE(flags); i++)
        *flag(run, i) = xk_json_is_true(xk_json_get(json, flags[i].key));
}

static int
save_taken(int dirfd, const struct xk_kvm_run *of, struct saved saved)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *writer = xk_json_writer_new(&text, false);
    struct xk_kvm_run copy = *of, *run = &copy;

    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, "log", saved.log);
    xk_json_put_integer(writer, "offset", saved.offset);
    xk_json_put_integer(writer, "round", saved.round);
    xk_json_put_integer(writer, "state", run->state);
    xk_json_put_integer(writer, "reason", run->reason);
    xk_json_put_integer(writer, "powered_off_us", run->powered_off_us);
    for (size_t i = 0; i < XK_ARRAY_SIZE(flags); i++)
        xk_json_put_bool(writer, flags[i].key, *flag(run, i));
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
    return xk_write_file(dirfd, XK_KVM_FILE_TAKEN, text.data, text.length,
                         false, NULL);
}

/* ---- the log ---- */

/* Read the log from *offset to `end`. Once the time is up, skip to its last
 * part. */
static int
take_log(const struct xk_kvm_live *live, struct xk_kvm_run *run, off_t *offset,
         off_t end, struct xk_deadline deadline, bool *changed,
         struct xk_error *err)
{
    const size_t size = (size_t)2 * XK_KVM_EVENT_MAX;
    XK_CLEANUP_FREE char *room = xk_calloc(1, size);
    const off_t begin = *offset;

    while (*offset < end) {
        size_t wanted, taken;
        ssize_t got;

        if (*offset - begin >= AT_ONCE && end - *offset > AT_ONCE &&
            xk_deadline_left_ms(deadline) == 0) {
            *offset = end - AT_ONCE;
            /* Else the domain would count as one without events. */
            run->doubtful = run->negotiated = true;
        }
        wanted = end - *offset < (off_t)size ? (size_t)(end - *offset) : size;
        got = pread(live->fd, room, wanted, *offset);
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return xk_fail_errno(err, "read the events");
        taken = xk_kvm_run_take_text(run, room, (size_t)got, *offset, changed);
        if (taken == 0)
            return 0;
        *offset += (off_t)taken;
    }
    return 0;
}

/* Whether a line is missing at the end: the last line is torn, or the log ends
 * where the next line would have needed room that was not there. */
static bool
ends_in_doubt(off_t offset, off_t end)
{
    return offset < end || xk_kvm_live_is_worn(end) ||
           (end > 0 && end % PAGE == 0);
}

/* Load the saved state if it was derived from this log. The state is saved for
 * a log before QEMU starts. So if it is lost, events from before a rewind may
 * be lost too. */
static void
load_for(int dirfd, const struct xk_kvm_live *live, struct xk_kvm_run *run,
         struct saved *saved)
{
    int64_t number = xk_kvm_live_number(live);

    load_taken(dirfd, run, saved);
    if (saved->log == number)
        return;
    xk_kvm_run_init(run);
    run->doubtful = run->negotiated = true;
    *saved = (struct saved){.log = number};
}

/* The state is saved before the log is rewound. So if the log ends before the
 * saved offset, load the state again. */
static int
take_all(int dirfd, const struct xk_kvm_live *live, struct xk_kvm_run *run,
         off_t *offset, off_t *end, struct saved *saved,
         struct xk_deadline deadline, struct xk_error *err)
{
    for (int tries = 0; tries < TRIES; tries++) {
        load_for(dirfd, live, run, saved);
        *end = xk_kvm_live_end(live);
        if (saved->offset <= *end)
            break;
    }
    *offset = saved->offset;
    if (*offset > *end) { /* the process that rewound it was killed */
        *offset = 0;
        run->doubtful = true;
    }
    return take_log(live, run, offset, *end, deadline, NULL, err);
}

bool
xk_kvm_events_scan(const struct xk_kvm_live *live, off_t *offset)
{
    struct xk_kvm_run run;
    bool changed = false;
    off_t end = xk_kvm_live_end(live);

    xk_kvm_run_init(&run);
    if (*offset > end) { /* rewound; another process read what was there */
        *offset = 0;
        changed = true;
    }
    return take_log(live, &run, offset, end, xk_deadline_never(), &changed,
                    NULL) == -1 ||
           changed || run.doubtful;
}

/* ---- gathering ---- */

/* The text is for people; the state does not depend on it. */
static void
append_text(int fd, const struct xk_kvm_live *live, off_t begin, off_t end)
{
    size_t length = begin < end ? (size_t)(end - begin) : 0;
    XK_CLEANUP_FREE char *text = xk_calloc(1, length + 1);

    if (pread(live->fd, text, length, begin) == (ssize_t)length)
        (void)xk_kvm_log_add(fd, text, length);
}

/* Rewind the log. Events logged between the last read and the rewind are lost.
 * If the process is killed in between, the log holds events that will be read
 * twice, or zeros; the state is in doubt then too. */
static void
rewind_log(int dirfd, const struct xk_kvm_live *live, struct xk_kvm_run *run,
           struct saved saved)
{
    saved.offset = 0;
    saved.round = saved.round < INT64_MAX ? saved.round + 1 : 0;
    run->doubtful = true;
    if (live->write_fd == -1 || save_taken(dirfd, run, saved) == -1)
        return;
    xk_kvm_live_give_back(live, 0, XK_KVM_LIVE_ROOM);
    (void)xk_kvm_live_rewind(live);
}

/* Whether the saved state belongs to another log: that is the log of a later
 * QEMU. */
static bool
is_superseded(int dirfd, const struct xk_kvm_live *live)
{
    struct xk_kvm_run run;
    struct saved saved;

    load_taken(dirfd, &run, &saved);
    return saved.log != 0 && saved.log != xk_kvm_live_number(live);
}

int
xk_kvm_events_gather(int record_dir_fd, const struct xk_kvm_live *live)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_kvm_run run;
    struct saved saved;
    off_t offset, end, begin;

    if (live->fd == -1)
        return 0;
    fd = xk_kvm_log_hold(record_dir_fd, XK_KVM_LOG_EVENTS);
    if (fd == -1)
        return errno == EAGAIN || errno == EACCES ? -1 : 0;
    if (is_superseded(record_dir_fd, live) ||
        take_all(record_dir_fd, live, &run, &offset, &end, &saved,
                 xk_deadline_never(), NULL) == -1)
        return 0;
    begin = saved.offset;
    saved.offset = offset;
    if (begin != offset) {
        if (save_taken(record_dir_fd, &run, saved) == -1)
            return 0;
        append_text(fd, live, begin, offset);
    }
    if (xk_kvm_live_is_worn(end))
        rewind_log(record_dir_fd, live, &run, saved);
    return 0;
}

/* Save a changed state at once: QEMU may end. */
static bool
is_worth_keeping(int dirfd, const struct xk_kvm_run *run, off_t offset,
                 const struct saved *saved)
{
    struct xk_kvm_run kept;
    struct saved again;

    load_taken(dirfd, &kept, &again);
    return kept.state != run->state || kept.reason != run->reason ||
           kept.negotiated != run->negotiated ||
           offset - saved->offset >= TRIM_AT || xk_kvm_live_is_worn(offset);
}

/* A QEMU that an older xk started appends to the file, behind a hole, and logs
 * its events. Nobody watches that file, so the state is in doubt. */
static void
take_old_log(int dirfd, struct xk_kvm_run *run, off_t offset,
             struct xk_deadline deadline)
{
    struct xk_kvm_live file = XK_KVM_LIVE_NONE;
    off_t first, end;

    file.fd = openat(dirfd, XK_KVM_FILE_EVENTS,
                     O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file.fd != -1) {
        end = lseek(file.fd, 0, SEEK_END);
        first = lseek(file.fd, 0, SEEK_DATA);
        offset = offset < first ? first : offset;
        offset = end - offset > OLD_MAX ? end - OLD_MAX : offset;
        (void)take_log(&file, run, &offset, end, deadline, NULL, NULL);
    }
    xk_kvm_live_close(&file);
    run->doubtful = run->negotiated = true;
}

/* If QEMU lives but its log is not available, only QEMU knows the state. */
static void
go_without(int dirfd, struct xk_kvm_run *run, bool alive,
           struct xk_deadline deadline)
{
    struct saved saved;

    load_taken(dirfd, run, &saved);
    run->taken = saved.offset;
    run->round = saved.round;
    if (alive && saved.log == 0)
        take_old_log(dirfd, run, saved.offset, deadline);
    run->doubtful |= alive;
}

int
xk_kvm_events_read(int record_dir_fd, struct xk_kvm_run *run,
                   struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_LIVE struct xk_kvm_live live = XK_KVM_LIVE_NONE;
    struct xk_process process = {0};
    struct saved saved;
    off_t offset, end;

    if (xk_kvm_identity_load(record_dir_fd, &process, NULL, NULL) == 0)
        live = xk_kvm_live_find(&process, XK_KVM_LOG_EVENTS);
    if (live.fd == -1) {
        go_without(record_dir_fd, run,
                   process.pid != 0 && xk_process_alive(&process), deadline);
        return 0;
    }
    if (take_all(record_dir_fd, &live, run, &offset, &end, &saved, deadline,
                 err) == -1)
        return -1;
    run->taken = offset;
    run->round = saved.round;
    run->log = saved.log;
    if (xk_deadline_left_ms(deadline) > 0 &&
        is_worth_keeping(record_dir_fd, run, offset, &saved))
        (void)xk_kvm_events_gather(record_dir_fd, &live);
    if (ends_in_doubt(offset, end))
        run->doubtful = true;
    return 0;
}

void
xk_kvm_events_settle(int record_dir_fd, const struct xk_kvm_run *run)
{
    XK_CLEANUP_CLOSE int fd = xk_kvm_log_hold(record_dir_fd, XK_KVM_LOG_EVENTS);
    struct xk_kvm_run settled = *run, now;
    struct saved saved;

    if (fd == -1)
        return;
    load_taken(record_dir_fd, &now, &saved);
    if (saved.log == 0 || saved.log != run->log || saved.round != run->round ||
        saved.offset > run->taken || ends_in_doubt(run->taken, run->taken))
        return;
    settled.doubtful = false;
    saved.offset = run->taken;
    (void)save_taken(record_dir_fd, &settled, saved);
}

int
xk_kvm_events_begin(int record_dir_fd, const struct xk_kvm_live *live,
                    struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_deadline patience = xk_deadline_in_ms(HOLD_MS);
    struct xk_kvm_run run;

    /* A process that saves the state of the last log is done once we hold the
     * log. A process stopped while it holds the log must not block the start of
     * a guest. */
    fd = xk_kvm_log_hold(record_dir_fd, XK_KVM_LOG_EVENTS);
    while (fd == -1 && xk_deadline_pause(patience, HOLD_MS / 100))
        fd = xk_kvm_log_hold(record_dir_fd, XK_KVM_LOG_EVENTS);
    xk_kvm_run_init(&run);
    if (save_taken(record_dir_fd, &run,
                   (struct saved){.log = xk_kvm_live_number(live)}) == -1)
        return xk_fail_errno(err, "write \"%s\"", XK_KVM_FILE_TAKEN);
    return 0;
}

int
xk_kvm_gather(int record_dir_fd,
              const struct xk_kvm_live lives[XK_KVM_LOG_COUNT])
{
    int events = xk_kvm_events_gather(record_dir_fd, &lives[XK_KVM_LOG_EVENTS]);
    int console = xk_kvm_log_gather(record_dir_fd, XK_KVM_LOG_CONSOLE,
                                    &lives[XK_KVM_LOG_CONSOLE]);
    int words = xk_kvm_log_gather(record_dir_fd, XK_KVM_LOG_QEMU,
                                  &lives[XK_KVM_LOG_QEMU]);

    return events == -1 || console == -1 || words == -1 ? -1 : 0;
}
