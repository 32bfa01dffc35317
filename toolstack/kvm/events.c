/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/logs.h"
#include "toolstack/qmp_reader.h"

enum {
    PAGE = 4096,
    LEAST_BLOCK = 1024,  /* of the file systems that there are */
    TRIM_AT = 64 * 1024, /* bytes taken since the last time */
    TAKEN_MAX = 4096,
    BACKLOG_MAX = 4 << 20, /* of what is not taken yet, that is looked at */
    RESERVE = 64 * 1024,   /* some five hundred events */
    AT_ONCE = 256 * 1024,  /* bytes taken before time is looked at */
};

/* ---- events ---- */

/* Why QEMU says SHUTDOWN (ShutdownCause, qapi/run-state.json). A guest's
 * triple fault comes as "guest-reset": that is what the processor does then. */
static const struct shutdown_row {
    const char *cause;
    enum xk_stop_reason reason;
    bool ending; /* not the guest stopped, but QEMU is told to end */
} shutdowns[] = {
    {"guest-shutdown", XK_STOP_POWEROFF, false},
    {"guest-reset", XK_STOP_REBOOT, false},
    {"guest-panic", XK_STOP_CRASH, false},
    {"host-error", XK_STOP_CRASH, false},
    {"host-qmp-system-reset", XK_STOP_REBOOT, false},
    {"subsystem-reset", XK_STOP_REBOOT, false},
    {"host-qmp-quit", XK_STOP_POWEROFF, true},
    {"host-signal", XK_STOP_POWEROFF, true},
    {"host-ui", XK_STOP_POWEROFF, true},
};

/* All but what belongs to the log itself. */
static void
enter(struct xk_kvm_run *run, struct xk_kvm_run next)
{
    next.negotiated = run->negotiated;
    *run = next;
}

static void
stop_for(struct xk_kvm_run *run, enum xk_stop_reason reason)
{
    enter(run, (struct xk_kvm_run){.state = reason == XK_STOP_CRASH
                                                ? XK_STATE_CRASHED
                                                : XK_STATE_SHUTDOWN,
                                   .reason = reason});
}

static void
on_shutdown(struct xk_kvm_run *run, const struct xk_json *data)
{
    const char *cause = xk_json_string(xk_json_get(data, "reason"));
    const struct shutdown_row *row = &shutdowns[0];

    for (size_t i = 0; cause != NULL && i < XK_ARRAY_SIZE(shutdowns); i++) {
        if (strcmp(shutdowns[i].cause, cause) == 0)
            row = &shutdowns[i];
    }
    /* A guest that had stopped keeps its reason when its QEMU is ended. */
    if (!row->ending ||
        (run->state != XK_STATE_SHUTDOWN && run->state != XK_STATE_CRASHED))
        stop_for(run, row->reason);
    run->ending = row->ending;
    run->powered_off = row == &shutdowns[0];
}

static void
on_panic(struct xk_kvm_run *run, const struct xk_json *data)
{
    const char *action = xk_json_string(xk_json_get(data, "action"));

    if (action == NULL || strcmp(action, "run") != 0)
        stop_for(run, XK_STOP_CRASH);
}

static void
on_watchdog(struct xk_kvm_run *run, const struct xk_json *data)
{
    const char *action = xk_json_string(xk_json_get(data, "action"));

    if (action != NULL && strcmp(action, "pause") == 0)
        stop_for(run, XK_STOP_WATCHDOG);
}

static void
on_stop(struct xk_kvm_run *run, const struct xk_json *data)
{
    (void)data;
    if (run->state != XK_STATE_RUNNING)
        return;
    run->state = XK_STATE_PAUSED;
    run->stop_unexplained = true;
}

static void
on_resume(struct xk_kvm_run *run, const struct xk_json *data)
{
    (void)data;
    enter(run, (struct xk_kvm_run){.state = XK_STATE_RUNNING});
}

/* Only after a reset can a stopped guest run again. */
static void
on_reset(struct xk_kvm_run *run, const struct xk_json *data)
{
    (void)data;
    if (run->state == XK_STATE_SHUTDOWN || run->state == XK_STATE_CRASHED)
        enter(run, (struct xk_kvm_run){.state = XK_STATE_PAUSED});
}

static const struct {
    const char *event;
    void (*take)(struct xk_kvm_run *run, const struct xk_json *data);
} handlers[] = {
    {"RESUME", on_resume},        {"STOP", on_stop},
    {"SHUTDOWN", on_shutdown},    {"RESET", on_reset},
    {"GUEST_PANICKED", on_panic}, {"WATCHDOG", on_watchdog},
};

void
xk_kvm_run_init(struct xk_kvm_run *run)
{
    *run = (struct xk_kvm_run){.state = XK_STATE_PAUSED};
}

/* Whole events of other names, told without taking them apart: a guest may
 * cause more of them than could be read in time. Quotes within a string are
 * written otherwise. */
static bool
is_of_no_interest(const char *line, size_t length)
{
    static const char start[] = "{\"timestamp\"", key[] = "\"event\": \"";
    const size_t start_length = sizeof(start) - 1;
    const size_t key_length = sizeof(key) - 1;
    const char *end = line + length;
    const char *name;

    if (length <= start_length || memcmp(line, start, start_length) != 0 ||
        memchr(end - 3, '}', 3) == NULL ||
        memmem(line + 1, length - 1, start, start_length) != NULL)
        return false;
    name = memmem(line, length, key, key_length);
    for (size_t i = 0; name != NULL && i < XK_ARRAY_SIZE(handlers); i++) {
        size_t wanted = strlen(handlers[i].event);

        if ((size_t)(end - name) > key_length + wanted &&
            memcmp(name + key_length, handlers[i].event, wanted) == 0)
            return false;
    }
    return name != NULL;
}

static int64_t
time_us(const struct xk_json *stamp)
{
    const int64_t limit = INT64_C(1) << 40;
    int64_t s = 0, us = 0;

    if (!xk_json_integer(xk_json_get(stamp, "seconds"), &s) ||
        !xk_json_integer(xk_json_get(stamp, "microseconds"), &us) || s < 0 ||
        s > limit || us < 0 || us > limit)
        return 0;
    return s * 1000000 + us;
}

/* Where a write failed in the middle of a line, the next line goes on from
 * there. The start of that one, or NULL. */
static const char *
find_glued(const char *line, size_t length)
{
    static const char start[] = "{\"timestamp\"";
    const char *found = NULL;
    const char *next = length > 0 ? line + 1 : NULL;

    while (next != NULL && (next = memmem(next, length - (size_t)(next - line),
                                          start, sizeof(start) - 1)) != NULL)
        found = next++;
    return found;
}

/* What is no message was torn, and what it said is lost. */
static bool
take_torn(struct xk_kvm_run *run, const char *line, size_t length)
{
    const char *glued = find_glued(line, length);

    if (length == 0)
        return false;
    run->doubtful = true;
    if (glued != NULL)
        xk_kvm_run_take(run, glued, length - (size_t)(glued - line));
    return true;
}

bool
xk_kvm_run_take(struct xk_kvm_run *run, const char *line, size_t length)
{
    XK_CLEANUP_QMP_MESSAGE struct xk_qmp_message message = {0};
    const struct xk_json *stamp;

    if (length > XK_KVM_EVENT_MAX)
        return take_torn(run, "?", 1);
    if (is_of_no_interest(line, length))
        return false;
    if (xk_qmp_message_parse(line, length, &message, NULL) == -1)
        return take_torn(run, line, length);
    if (message.kind == XK_QMP_GREETING) { /* another QEMU goes on from here */
        xk_kvm_run_init(run);
        return true;
    }
    if (message.kind == XK_QMP_RETURN)
        run->negotiated = true;
    if (message.kind != XK_QMP_EVENT)
        return false;
    stamp = xk_json_get(message.json, "timestamp");
    for (size_t i = 0; i < XK_ARRAY_SIZE(handlers); i++) {
        if (strcmp(handlers[i].event, message.event) == 0) {
            handlers[i].take(run, message.body);
            if (run->powered_off && run->powered_off_us == 0)
                run->powered_off_us = time_us(stamp);
            return true;
        }
    }
    return false;
}

/* A file system that is full takes what still goes on the last page, so a line
 * that is lost as a whole is lost where a page ends. */
static size_t
take_lines(struct xk_kvm_run *run, const char *text, size_t length, off_t at,
           bool *changed)
{
    size_t taken = 0;
    const char *end;

    while ((end = memchr(text + taken, '\n', length - taken)) != NULL) {
        off_t line = at + (off_t)taken;

        if (line % PAGE == 0 && line != xk_kvm_log_first(line))
            run->doubtful = true;
        if (xk_kvm_run_take(run, text + taken, (size_t)(end - text) - taken) &&
            changed != NULL)
            *changed = true;
        taken = (size_t)(end - text) + 1;
    }
    if (length - taken <= XK_KVM_EVENT_MAX)
        return taken;
    run->doubtful = true;
    return length;
}

size_t
xk_kvm_run_take_text(struct xk_kvm_run *run, const char *text, size_t length,
                     bool *changed)
{
    return take_lines(run, text, length, 1, changed);
}

/* ---- what was taken and saved ---- */

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
    off_t offset;  /* what stands before was taken */
    int64_t round; /* how often the log has begun anew */
};

/* Where there is nothing saved, or nothing that can be read, the whole log is
 * what there is. */
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
    run->state = (enum xk_domain_state)state;
    run->reason = (enum xk_stop_reason)reason;
    if (read_number(json, "powered_off_us", INT64_MAX, &number))
        run->powered_off_us = number;
    for (size_t i = 0; i < XK_ARRAY_SIZE(flags); i++)
        *flag(run, i) = xk_json_is_true(xk_json_get(json, flags[i].key));
}

static int
save_taken(int dirfd, struct xk_kvm_run *run, struct saved saved)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *writer = xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
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

/* How far the log is looked at: what its guest adds meanwhile is for the next
 * time. Where that is more than a guest has reason for, the last of it counts.
 */
static int
find_end(int fd, struct xk_kvm_run *run, off_t *offset, off_t *end,
         struct xk_error *err)
{
    struct stat st;

    if (fstat(fd, &st) == -1)
        return xk_fail_errno(err, "look at \"%s\"", XK_KVM_FILE_EVENTS);
    *end = st.st_size;
    if (*offset < xk_kvm_log_first(*end)) /* nothing was taken yet */
        *offset = xk_kvm_log_first(*end);
    if (*offset > *end) { /* it began anew; somebody else took what was there */
        *offset = xk_kvm_log_first(*end);
        run->doubtful = true;
    }
    if (*end - *offset <= BACKLOG_MAX)
        return 0;
    *offset = *end - BACKLOG_MAX;
    run->doubtful = run->negotiated = true; /* else there would be no events */
    return 0;
}

/* Take what stands in the log from *offset to `end`; once time is up, the last
 * of it. 1: what stands there was given back meanwhile. */
static int
take_log(int fd, struct xk_kvm_run *run, off_t *offset, off_t end,
         struct xk_deadline deadline, bool *changed, struct xk_error *err)
{
    const size_t size = (size_t)2 * XK_KVM_EVENT_MAX;
    XK_CLEANUP_FREE char *room = xk_calloc(1, size);
    off_t timed = *offset + AT_ONCE;

    while (*offset < end) {
        size_t wanted, taken;
        ssize_t got;

        if (*offset >= timed && end - *offset > AT_ONCE &&
            xk_deadline_left_ms(deadline) == 0) {
            *offset = end - AT_ONCE;
            run->doubtful = run->negotiated = true; /* as of find_end() */
        }
        wanted = end - *offset < (off_t)size ? (size_t)(end - *offset) : size;
        got = pread(fd, room, wanted, *offset);
        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return xk_fail_errno(err, "read \"%s\"", XK_KVM_FILE_EVENTS);
        if (got > 0 && room[0] == '\0')
            return 1;
        taken = take_lines(run, room, (size_t)got, *offset, changed);
        if (taken == 0)
            return 0;
        *offset += (off_t)taken;
    }
    return 0;
}

/* Whether a line is missing at the end: one is torn, or the log ends where the
 * next would have needed room that was not there. */
static bool
ends_in_doubt(int fd, off_t offset, off_t end)
{
    struct statvfs fs;

    return offset < end || xk_kvm_log_is_worn(end) ||
           (end > xk_kvm_log_first(end) && end % LEAST_BLOCK == 0) ||
           (fstatvfs(fd, &fs) == 0 && fs.f_blocks > 0 && fs.f_bavail == 0);
}

/* Behind a hole, or what only looks like one. */
static off_t
skip_zeros(int fd, off_t offset)
{
    char room[PAGE];
    off_t data = lseek(fd, offset, SEEK_DATA), zeros = 0;
    ssize_t got = pread(fd, room, sizeof(room), offset);

    while (zeros < got && room[zeros] == '\0')
        zeros++;
    return data > offset ? data : offset + (zeros > 0 ? zeros : 1);
}

/* Saving is done before giving back, so reading what was saved once more gets
 * behind the hole; a hole that has another cause is stepped over. */
static int
take_all(int dirfd, int fd, struct xk_kvm_run *run, off_t *offset,
         struct saved *saved, struct xk_deadline deadline, struct xk_error *err)
{
    off_t end = 0;
    int r = 1;

    for (int tries = 0; r == 1 && tries < 2; tries++) {
        load_taken(dirfd, run, saved);
        *offset = saved->offset;
        if (find_end(fd, run, offset, &end, err) == -1)
            return -1;
        r = take_log(fd, run, offset, end, deadline, NULL, err);
    }
    while (r == 1) {
        *offset = skip_zeros(fd, *offset);
        run->doubtful = true;
        r = take_log(fd, run, offset, end, deadline, NULL, err);
    }
    return r;
}

bool
xk_kvm_events_look(int log_fd, off_t *offset)
{
    struct xk_kvm_run run;
    bool changed = false;
    off_t end = 0;

    xk_kvm_run_init(&run);
    if (find_end(log_fd, &run, offset, &end, NULL) == -1)
        return true;
    /* What is given back, or cut off, may have been anything. */
    if (take_log(log_fd, &run, offset, end, xk_deadline_never(), &changed,
                 NULL) == 1) {
        *offset = end;
        return true;
    }
    return changed || run.doubtful;
}

/* What is logged between the last look and the cut is lost. Whoever is killed
 * before the cut leaves events that are taken twice, in doubt as well. */
static void
begin_anew(int dirfd, int fd, struct xk_kvm_run *run, off_t offset,
           int64_t round)
{
    off_t first = xk_kvm_log_first(offset);
    struct saved saved = {first, round < INT64_MAX ? round + 1 : 0};

    run->doubtful = true;
    if (save_taken(dirfd, run, saved) == 0)
        (void)!ftruncate(fd, first);
}

void
xk_kvm_events_trim(int record_dir_fd)
{
    /* Against another trim only; QEMU does not lock the file. */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_kvm_run run;
    struct saved saved;
    off_t offset;

    fd = openat(record_dir_fd, XK_KVM_FILE_EVENTS,
                O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1 || fcntl(fd, F_OFD_SETLK, &lock) == -1)
        return;
    if (take_all(record_dir_fd, fd, &run, &offset, &saved, xk_deadline_never(),
                 NULL) == -1)
        return;
    if (xk_kvm_log_is_worn(offset))
        begin_anew(record_dir_fd, fd, &run, offset, saved.round);
    else if (offset - saved.offset >= TRIM_AT &&
             save_taken(record_dir_fd, &run,
                        (struct saved){offset, saved.round}) == 0)
        xk_kvm_log_give_back(fd, offset);
    /* Where there is no room, it is tried again the next time. */
    (void)xk_kvm_events_reserve(fd, NULL);
}

int
xk_kvm_events_read(int record_dir_fd, struct xk_kvm_run *run,
                   struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = openat(record_dir_fd, XK_KVM_FILE_EVENTS,
                                     O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct saved saved;
    struct stat st;
    off_t offset;

    if (fd == -1 || fstat(fd, &st) == -1)
        return xk_fail_errno(err, "open \"%s\"", XK_KVM_FILE_EVENTS);
    if (take_all(record_dir_fd, fd, run, &offset, &saved, deadline, err) == -1)
        return -1;
    run->taken = offset;
    run->round = saved.round;
    if ((offset - saved.offset >= TRIM_AT || xk_kvm_log_is_worn(offset)) &&
        xk_deadline_left_ms(deadline) > 0)
        xk_kvm_events_trim(record_dir_fd);
    if (ends_in_doubt(fd, offset, st.st_size))
        run->doubtful = true;
    return 0;
}

void
xk_kvm_events_settle(int record_dir_fd, const struct xk_kvm_run *run)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    XK_CLEANUP_CLOSE int fd = openat(record_dir_fd, XK_KVM_FILE_EVENTS,
                                     O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct xk_kvm_run settled = *run, now;
    struct saved saved;

    if (fd == -1 || fcntl(fd, F_OFD_SETLK, &lock) == -1)
        return;
    load_taken(record_dir_fd, &now, &saved);
    if (saved.round != run->round || saved.offset > run->taken ||
        ends_in_doubt(fd, run->taken, run->taken))
        return;
    settled.doubtful = false;
    (void)save_taken(record_dir_fd, &settled,
                     (struct saved){run->taken, run->round});
}

int
xk_kvm_events_reserve(int log_fd, struct xk_error *err)
{
    struct stat st;

    if (fstat(log_fd, &st) == -1)
        return xk_fail_errno(err, "look at \"%s\"", XK_KVM_FILE_EVENTS);
    if (fallocate(log_fd, FALLOC_FL_KEEP_SIZE, st.st_size, RESERVE) == 0 ||
        errno == EOPNOTSUPP)
        return 0;
    return xk_fail_errno(err, "make room for \"%s\"", XK_KVM_FILE_EVENTS);
}

/* What a greeting does to the state. QEMU's own may never come, or late: who
 * started it may be killed meanwhile, and then the state is looked at. */
int
xk_kvm_events_begin(int record_dir_fd, struct xk_error *err)
{
    static const char line[] = "{\"QMP\": {}}\n";
    XK_CLEANUP_CLOSE int fd =
        xk_kvm_log_open(record_dir_fd, XK_KVM_FILE_EVENTS, err);

    if (fd != -1 && xk_write_all(fd, line, sizeof(line) - 1) == -1)
        return xk_fail_errno(err, "write \"%s\"", XK_KVM_FILE_EVENTS);
    return fd == -1 ? -1 : 0;
}
