/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/watch.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/logs.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/status.h"

/* Between two rounds of gathering what a guest prints at full speed. */
#define GATHER_SECONDS 0.1

enum {
    GUEST_MAX = 64 * 1024, /* bytes of events that may be left ungathered */
    DOUBT_MS = 1000,
    GONE_PAUSE_MS = 50,
    LAST_WORDS_MS = 300, /* for whoever holds the logs of a QEMU that ended */
};

/* ---- one domain, one wait ---- */

/* A record is renamed before it is removed, so watch for that. A QEMU without
 * such a log, started by an older xk, appends to the file. */
static int
watch_record(const struct xk_record *record, const struct xk_kvm_live *live,
             struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char path[64];

    if (fd == -1)
        return xk_fail_errno(err, "inotify");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", record->dir_fd);
    if (inotify_add_watch(fd, path, IN_MOVE_SELF) == -1)
        return xk_fail_errno(err, "watch the record");
    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", record->dir_fd,
             XK_KVM_FILE_EVENTS);
    if (live->fd == -1)
        (void)inotify_add_watch(fd, path, IN_MODIFY);
    else if (xk_kvm_live_watch(live, fd, IN_MODIFY) == -1)
        return xk_fail_errno(err, "watch the events");
    return xk_record_is_there(record)
               ? xk_take_fd(&fd)
               : xk_fail(err, XK_ERR_NOT_FOUND, "no such domain");
}

/* Encode what was seen: which log, its length, and whether QEMU lives. Never
 * 0. */
static uint64_t
make_cookie(const struct xk_kvm_live *live, bool alive)
{
    uint64_t seen = 0;

    if (live->fd != -1)
        seen = (uint64_t)xk_kvm_live_number(live) * 2 * XK_KVM_LIVE_ROOM +
               (uint64_t)xk_kvm_live_end(live);
    return (seen + 1) << 1 | alive;
}

static int
poll_both(int log_fd, int pidfd, struct xk_deadline deadline,
          struct xk_error *err)
{
    struct pollfd pollers[2] = {{log_fd, POLLIN, 0}, {pidfd, POLLIN, 0}};
    int ready;

    do {
        ready = poll(pollers, 2, xk_deadline_poll_ms(deadline));
    } while (ready == -1 && errno == EINTR);
    if (ready == -1)
        return xk_fail_errno(err, "wait for a domain");
    if (ready == 0)
        return xk_fail(err, XK_ERR_TIMEOUT,
                       "the domain did not change in time");
    return 0;
}

static bool
is_doubtful(int dirfd)
{
    struct xk_kvm_run run;

    return xk_kvm_events_read(dirfd, &run, xk_deadline_in_ms(DOUBT_MS), NULL) ==
               0 &&
           run.doubtful;
}

/* In doubt, look again soon: a change may not show in the log. */
static int
poll_in_doubt(int log_fd, int pidfd, struct xk_deadline deadline,
              struct xk_error *err)
{
    struct xk_deadline tick = xk_deadline_in_ms(DOUBT_MS);

    if (xk_deadline_left_ms(deadline) < DOUBT_MS)
        return poll_both(log_fd, pidfd, deadline, err);
    (void)poll_both(log_fd, pidfd, tick, NULL);
    return 0;
}

/* What QEMU logged before it ended is saved here, whether or not another
 * process watches. */
static int
wait_for_change(const struct xk_record *record, const struct xk_kvm_live *live,
                int pidfd, uint64_t *cookie, struct xk_deadline deadline,
                struct xk_error *err)
{
    struct xk_error watch_err = {0};
    XK_CLEANUP_CLOSE int log_fd = watch_record(record, live, &watch_err);
    uint64_t seen;
    int r;

    /* The domain may live on under another record, as after a
     * rename-restart. */
    if (log_fd == -1 && watch_err.kind == XK_ERR_NOT_FOUND)
        (void)xk_deadline_pause(deadline, GONE_PAUSE_MS);
    if (log_fd == -1) /* gone: the caller may have waited for that */
        return watch_err.kind == XK_ERR_NOT_FOUND
                   ? 0
                   : xk_fail(err, watch_err.kind, "%s", watch_err.message);
    /* Read the state only after the watch is set, so that no change is
     * missed. */
    seen = make_cookie(live, pidfd != -1);
    if (seen != *cookie) {
        *cookie = seen;
        return 0;
    }
    r = is_doubtful(record->dir_fd)
            ? poll_in_doubt(log_fd, pidfd, deadline, err)
            : poll_both(log_fd, pidfd, deadline, err);
    (void)xk_kvm_events_gather(record->dir_fd, live);
    return r;
}

int
xk_kvm_wait(struct xk_hypervisor *hv, const struct xk_domain *domain,
            uint64_t *cookie, struct xk_deadline deadline, struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    XK_CLEANUP_LIVE struct xk_kvm_live live = XK_KVM_LIVE_NONE;
    XK_CLEANUP_CLOSE int pidfd = -1;
    struct xk_process process;

    (void)hv;
    if (dirfd == -1)
        return -1;
    if (xk_kvm_identity_load(dirfd, &process, NULL, NULL) == 0) {
        pidfd = xk_process_open(&process);
        live = xk_kvm_live_find(&process, XK_KVM_LOG_EVENTS);
    }
    return wait_for_change(domain->record, &live, pidfd, cookie, deadline, err);
}

/* ---- all domains, on a loop ---- */

struct xk_kvm_log_watch {
    int fd; /* inotify, for all domains */
    ev_io io;
    struct ev_loop *loop;
};

struct xk_kvm_watched {
    struct xk_kvm_watched *next;
    const struct xk_state *state;
    struct ev_loop *loop;
    struct xk_uuid uuid;
    int inotify_fd; /* the watcher's */
    struct xk_kvm_live logs[XK_KVM_LOG_COUNT];
    int watches[XK_KVM_LOG_COUNT]; /* inotify's watch descriptors; -1: none */
    bool due;                      /* its events must be read */
    off_t looked;                  /* offset up to which events were read */
    off_t gathered;                /* the same, when they were last gathered */
    ev_io process;                 /* pidfd; -1: the process has ended */
    ev_timer first;
    ev_timer gather; /* gathers what the guest prints */
    void (*changed)(const struct xk_uuid *uuid, void *context);
    void *context;
};

static void
report_change(struct xk_kvm_watched *domain)
{
    struct xk_uuid uuid = domain->uuid; /* the callback may end the watch */

    domain->changed(&uuid, domain->context);
}

static void
report_first(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    report_change(timer->data);
}

static void
stop_process_watch(struct xk_kvm_watched *domain)
{
    if (domain->process.fd == -1)
        return;
    ev_io_stop(domain->loop, &domain->process);
    close(domain->process.fd);
    domain->process.fd = -1;
}

/* ---- gathering ---- */

static void
gather_soon(struct xk_kvm_watched *domain)
{
    if (ev_is_active(&domain->gather))
        return;
    ev_timer_set(&domain->gather, GATHER_SECONDS, 0.);
    ev_timer_start(domain->loop, &domain->gather);
}

/* -1: another process holds a log. */
static int
gather_all(struct xk_kvm_watched *domain)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(domain->state, &domain->uuid, NULL);

    if (record == NULL)
        return 0;
    domain->gathered = domain->looked;
    return xk_kvm_gather(record->dir_fd, domain->logs);
}

/* Output of the guest is reported once, and again after it was gathered. */
static void
watch_log_of(struct xk_kvm_watched *domain, enum xk_kvm_log which)
{
    unsigned changes =
        which == XK_KVM_LOG_EVENTS ? IN_MODIFY : IN_MODIFY | IN_ONESHOT;

    domain->watches[which] =
        domain->logs[which].fd == -1
            ? -1
            : xk_kvm_live_watch(&domain->logs[which], domain->inotify_fd,
                                changes);
}

/* Set the watch again first, so that no write is missed. */
static void
gather_printed(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct xk_kvm_watched *domain = timer->data;

    (void)loop;
    (void)events;
    for (int i = XK_KVM_LOG_CONSOLE; i < XK_KVM_LOG_COUNT; i++)
        watch_log_of(domain, (enum xk_kvm_log)i);
    (void)gather_all(domain);
}

static void
process_ended(struct ev_loop *loop, ev_io *io, int events)
{
    struct xk_kvm_watched *domain = io->data;
    struct xk_deadline patience = xk_deadline_in_ms(LAST_WORDS_MS);

    (void)loop;
    (void)events;
    stop_process_watch(domain);
    /* Another process that holds a log may have read it before the last output
     * came. */
    while (gather_all(domain) == -1 &&
           xk_deadline_pause(patience, LAST_WORDS_MS / 10)) {
    }
    report_change(domain);
}

/* ---- looking ---- */

/* Save at once: a guest that logs at full speed must not wait for the monitor's
 * next round, and QEMU may end. */
static void
read_events(struct xk_kvm_watched *domain)
{
    const struct xk_kvm_live *live = &domain->logs[XK_KVM_LOG_EVENTS];
    bool changed = live->fd != -1 && xk_kvm_events_scan(live, &domain->looked);

    if (domain->looked < domain->gathered) /* the log was rewound */
        domain->gathered = 0;
    if (changed || domain->looked - domain->gathered > GUEST_MAX) {
        XK_CLEANUP_RECORD struct xk_record *record =
            xk_record_open(domain->state, &domain->uuid, NULL);

        domain->gathered = domain->looked;
        if (record != NULL)
            (void)xk_kvm_events_gather(record->dir_fd, live);
    }
    if (changed)
        report_change(domain);
}

static void
log_grew(struct xk_kvm_watcher *watcher, int watch)
{
    for (struct xk_kvm_watched *domain = watcher->domains; domain != NULL;
         domain = domain->next) {
        if (domain->watches[XK_KVM_LOG_EVENTS] == watch) {
            domain->due = true;
            return;
        }
        if (domain->watches[XK_KVM_LOG_CONSOLE] == watch ||
            domain->watches[XK_KVM_LOG_QEMU] == watch) {
            gather_soon(domain);
            return;
        }
    }
}

/* The kernel's queue of changes overflowed. */
static void
all_logs_grew(struct xk_kvm_watcher *watcher)
{
    for (struct xk_kvm_watched *domain = watcher->domains; domain != NULL;
         domain = domain->next) {
        gather_soon(domain);
        domain->due = true;
    }
}

static void
read_due_events(struct xk_kvm_watcher *watcher)
{
    struct xk_kvm_watched *next;

    for (struct xk_kvm_watched *domain = watcher->domains; domain != NULL;
         domain = next) {
        next = domain->next; /* report_change() may remove this one */
        if (domain->due) {
            domain->due = false;
            read_events(domain);
        }
    }
}

static struct xk_kvm_watched *
find_watched(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    struct xk_kvm_watched *domain = ((struct xk_kvm *)hv)->watcher.domains;

    while (domain != NULL && !xk_uuid_equal(&domain->uuid, uuid))
        domain = domain->next;
    return domain;
}

/* If the log leaves the state in doubt, report a possible change: no later line
 * would. */
static void
recheck_soon(struct xk_kvm_watched *domain, int record_dir_fd)
{
    if (!is_doubtful(record_dir_fd))
        return;
    ev_timer_stop(domain->loop, &domain->first);
    ev_timer_set(&domain->first, 0., 0.);
    ev_timer_start(domain->loop, &domain->first);
}

static void
gather_unwatched(int record_dir_fd)
{
    struct xk_kvm_live logs[XK_KVM_LOG_COUNT];
    struct xk_process process;

    if (xk_kvm_identity_load(record_dir_fd, &process, NULL, NULL) == -1)
        return;
    (void)xk_kvm_live_find_all(&process, logs);
    (void)xk_kvm_gather(record_dir_fd, logs);
    xk_kvm_live_close_all(logs);
}

void
xk_kvm_trim(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(hv->state, uuid, NULL);
    struct xk_kvm_watched *domain = find_watched(hv, uuid);

    if (record == NULL)
        return;
    xk_kvm_logs_restore(record);
    if (domain != NULL)
        (void)gather_all(domain);
    else
        gather_unwatched(record->dir_fd);
    if (domain != NULL)
        recheck_soon(domain, record->dir_fd);
}

static void
note_changes(struct xk_kvm_watcher *watcher, const char *changes, size_t length)
{
    for (size_t i = 0; i < length;) {
        const struct inotify_event *event = (const void *)(changes + i);

        if ((event->mask & IN_Q_OVERFLOW) != 0)
            all_logs_grew(watcher);
        else if ((event->mask & IN_MODIFY) != 0)
            log_grew(watcher, event->wd);
        i += sizeof(*event) + event->len;
    }
}

/* Read once per call: a process that writes without end must not block the
 * loop. */
static void
logs_grew(struct ev_loop *loop, ev_io *io, int events)
{
    struct xk_kvm_watcher *watcher = io->data;
    char changes[4096] __attribute__((aligned(8)));
    ssize_t length = read(io->fd, changes, sizeof(changes));

    (void)loop;
    (void)events;
    if (length <= 0)
        return;
    note_changes(watcher, changes, (size_t)length);
    read_due_events(watcher);
}

/* Return the watch; the first call creates it. */
static struct xk_kvm_log_watch *
get_log_watch(struct xk_kvm_watcher *watcher, struct ev_loop *loop,
              struct xk_error *err)
{
    struct xk_kvm_log_watch *watch = watcher->log_watch;
    int fd;

    if (watch != NULL)
        return watch;
    fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd == -1) {
        xk_fail_errno(err, "inotify");
        return NULL;
    }
    watch = XK_NEW(struct xk_kvm_log_watch);
    watch->fd = fd;
    watch->loop = loop;
    ev_io_init(&watch->io, logs_grew, fd, EV_READ);
    watch->io.data = watcher;
    ev_io_start(loop, &watch->io);
    watcher->log_watch = watch;
    return watch;
}

static void
close_log_watch(struct xk_kvm_watcher *watcher)
{
    if (watcher->log_watch == NULL)
        return;
    ev_io_stop(watcher->log_watch->loop, &watcher->log_watch->io);
    close(watcher->log_watch->fd);
    free(XK_TAKE(watcher->log_watch));
}

/* After the last domain nothing of ours stays on the loop, so the loop may
 * end. */
static void
free_watched(struct xk_kvm_watcher *watcher, struct xk_kvm_watched *domain)
{
    for (size_t i = 0; i < XK_KVM_LOG_COUNT; i++) {
        if (domain->watches[i] != -1)
            inotify_rm_watch(domain->inotify_fd, domain->watches[i]);
    }
    xk_kvm_live_close_all(domain->logs);
    free(domain);
    if (watcher->domains == NULL)
        close_log_watch(watcher);
}

/* Start at the current end of the events: the first read of the state covers
 * what is before. */
static int
watch_logs(struct xk_kvm_watched *domain, const struct xk_process *process,
           struct xk_error *err)
{
    const struct xk_kvm_live *live = &domain->logs[XK_KVM_LOG_EVENTS];

    for (size_t i = 0; i < XK_KVM_LOG_COUNT; i++)
        domain->watches[i] = -1;
    if (xk_kvm_live_find_all(process, domain->logs) == -1)
        return xk_fail(err, XK_ERR_SYSTEM,
                       "no descriptors are left to watch a QEMU");
    for (int i = XK_KVM_LOG_COUNT - 1; i >= 0; i--)
        watch_log_of(domain, (enum xk_kvm_log)i);
    if (live->fd == -1)
        return 0;
    if (domain->watches[XK_KVM_LOG_EVENTS] == -1)
        return xk_fail_errno(err, "watch the events");
    domain->looked = domain->gathered = xk_kvm_live_end(live);
    return 0;
}

static void
begin_watch(struct xk_kvm_watched *domain, int pidfd)
{
    ev_io_init(&domain->process, process_ended, pidfd, EV_READ);
    domain->process.data = domain;
    if (pidfd != -1)
        ev_io_start(domain->loop, &domain->process);
    ev_timer_init(&domain->first, report_first, 0., 0.);
    domain->first.data = domain;
    ev_timer_start(domain->loop, &domain->first);
    ev_timer_init(&domain->gather, gather_printed, GATHER_SECONDS, 0.);
    domain->gather.data = domain;
    gather_soon(domain);
}

int
xk_kvm_watch(struct xk_hypervisor *hv, struct ev_loop *loop,
             const struct xk_uuid *uuid, xk_domain_changed *changed,
             void *context, struct xk_error *err)
{
    struct xk_kvm_watcher *watcher = &((struct xk_kvm *)hv)->watcher;
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(hv->state, uuid, err);
    struct xk_kvm_log_watch *logs;
    struct xk_kvm_watched *domain;
    struct xk_process process;
    XK_CLEANUP_CLOSE int pidfd = -1;

    if (record == NULL ||
        xk_kvm_identity_load(record->dir_fd, &process, NULL, err) == -1)
        return -1;
    pidfd = xk_process_open(&process);
    if (pidfd == -1 && errno != ESRCH)
        return xk_fail_errno(err, "open the process of QEMU");
    logs = get_log_watch(watcher, loop, err);
    if (logs == NULL)
        return -1;
    domain = XK_NEW(struct xk_kvm_watched);
    *domain = (struct xk_kvm_watched){.next = watcher->domains,
                                      .state = hv->state,
                                      .loop = loop,
                                      .uuid = *uuid,
                                      .inotify_fd = logs->fd,
                                      .changed = changed,
                                      .context = context};
    if (watch_logs(domain, &process, err) == -1) {
        free_watched(watcher, domain);
        return -1;
    }
    watcher->domains = domain;
    begin_watch(domain, xk_take_fd(&pidfd));
    return 0;
}

static void
remove_watched(struct xk_kvm_watcher *watcher, struct xk_kvm_watched **link)
{
    struct xk_kvm_watched *domain = *link;

    *link = domain->next;
    stop_process_watch(domain);
    ev_timer_stop(domain->loop, &domain->first);
    ev_timer_stop(domain->loop, &domain->gather);
    free_watched(watcher, domain);
}

void
xk_kvm_unwatch(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    struct xk_kvm_watcher *watcher = &((struct xk_kvm *)hv)->watcher;
    struct xk_kvm_watched **link = &watcher->domains;

    while (*link != NULL && !xk_uuid_equal(&(*link)->uuid, uuid))
        link = &(*link)->next;
    if (*link != NULL)
        remove_watched(watcher, link);
}

void
xk_kvm_watcher_free(struct xk_kvm_watcher *watcher)
{
    while (watcher->domains != NULL)
        remove_watched(watcher, &watcher->domains);
    close_log_watch(watcher);
}
