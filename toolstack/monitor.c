/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works: one loop watches
 *  - the directory of records, for domains that come and go;
 *  - each record's lock file, which is closed when a verb is done with the
 *    domain, or was killed over it: then the driver is asked to watch anew, as
 *    there may be another process to watch;
 *  - what the driver watches.
 * Every event leads to look(): has the domain stopped, or was an operation on
 * it interrupted? Then a worker is started, at most one per domain. The monitor
 * keeps nothing that look() could not find again.
 */
#include "toolstack/monitor.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"
#include "toolstack/monitor_start.h"
#include "toolstack/monitor_worker.h"
#include "toolstack/record_facts.h"
#include "toolstack/recovery.h"
#include "toolstack/seam/device_ops.h"
#include "toolstack/seam/monitor_ops.h"

enum {
    LOOK_MS = 5000,
    TRIM_SECONDS = 10,
    RETRY_FIRST_SECONDS = 1,
    RETRY_LAST_SECONDS = 16,
    HELD_LAST_SECONDS = 10,
};

/* Seconds. */
#define HELD_FIRST_SECONDS 0.05

struct monitor;

struct watched {
    struct watched *next;
    struct monitor *monitor;
    struct xk_uuid uuid;
    struct xk_hypervisor *hv; /* its driver; NULL: no driver here, left alone */
    bool told;                /* the warning that it is left alone was given */
    int lock_watch;           /* inotify's descriptor, -1: none */
    bool driver_watch;        /* the driver watches it */
    bool look_again;          /* an event came while the worker ran */
    struct xk_worker *worker; /* NULL: none */
    ev_timer retry;           /* after a worker that failed */
    double retry_seconds;
    ev_timer held; /* while a verb holds the lock, or the driver fails */
    double held_seconds;
};

struct monitor {
    struct xk_host *host;
    struct ev_loop *loop;
    struct watched *domains;
    int inotify_fd;
    int directory_watch;
    bool linger;
    ev_io inotify_io;
    ev_io signal_io;
    ev_timer trim;
    ev_prepare idle; /* ends the loop after the last domain */
};

/* ---- workers ---- */

static void look(struct watched *domain);

/* Look again after *seconds, and double them for the next time. */
static void
look_later(struct watched *domain, ev_timer *timer, double *seconds,
           double most)
{
    ev_timer_set(timer, *seconds, 0.);
    ev_timer_start(domain->monitor->loop, timer);
    *seconds = *seconds * 2 < most ? *seconds * 2 : most;
}

static void
worker_ended(void *context, int status)
{
    struct watched *domain = context;

    xk_log_trim(); /* the worker's programs write to our log too */
    domain->worker = NULL;
    if (status == 0) {
        domain->retry_seconds = RETRY_FIRST_SECONDS;
        if (domain->look_again)
            look(domain);
        return;
    }
    look_later(domain, &domain->retry, &domain->retry_seconds,
               RETRY_LAST_SECONDS);
}

static void
start_worker(struct watched *domain)
{
    struct monitor *monitor = domain->monitor;
    struct xk_error err = {0};

    domain->look_again = false;
    domain->worker = xk_worker_start(monitor->loop, monitor->host->program,
                                     xk_hv_name(domain->hv), &domain->uuid,
                                     worker_ended, domain, &err);
    if (domain->worker != NULL)
        return;
    xk_warn("%s", err.message);
    ev_timer_set(&domain->retry, RETRY_LAST_SECONDS, 0.);
    ev_timer_start(monitor->loop, &domain->retry);
}

/* ---- looking at a domain ---- */

/* Look again later at a domain that cannot be looked at now. */
static void
look_anew(struct watched *domain)
{
    if (!ev_is_active(&domain->held))
        look_later(domain, &domain->held, &domain->held_seconds,
                   HELD_LAST_SECONDS);
}

static bool
has_stopped(struct watched *domain, struct xk_record *record)
{
    struct xk_domain handle = {
        .hv = domain->hv, .uuid = record->uuid, .domid = -1, .record = record};
    struct xk_error err = {0};
    struct xk_domain_info info;
    bool stopped;

    /* Not found: another toolstack has destroyed the domain. Return true, so
     * that a worker removes our record. */
    if (xk_domain_get(domain->monitor->host, &handle, &info,
                      xk_deadline_in_ms(LOOK_MS), &err) == -1) {
        if (err.kind != XK_ERR_NOT_FOUND)
            look_anew(domain);
        return err.kind == XK_ERR_NOT_FOUND;
    }
    stopped =
        (info.state == XK_STATE_SHUTDOWN || info.state == XK_STATE_CRASHED) &&
        info.stop_reason != XK_STOP_SUSPEND;
    xk_domain_info_free(&info);
    return stopped && !xk_record_is_preserved(record);
}

static void
tell_once(struct watched *domain, const struct xk_error *why)
{
    if (!domain->told)
        xk_host_warn_alone(&domain->uuid, why);
    domain->told = true;
}

/* Only the xk that began an operation of another version can finish it. */
static bool
can_be_recovered(struct watched *domain, const struct xk_record *record)
{
    struct xk_error why = {0};

    if (xk_recoveries.check_known(record, &why) == 0)
        return true;
    tell_once(domain, &why);
    return false;
}

/* A locked record belongs to a living verb. The event that its lock file was
 * closed brings us back; but the kernel reports that before it releases the
 * lock, so also look again by a timer. */
static bool
is_held(struct watched *domain, const struct xk_record *record)
{
    if (!xk_record_is_locked(record))
        return false;
    look_anew(domain);
    return true;
}

static bool
needs_worker(struct watched *domain, struct xk_record *record)
{
    struct xk_hypervisor *hv = domain->hv;

    if (xk_journal_is_unfinished(record))
        return !is_held(domain, record) && can_be_recovered(domain, record);
    if (has_stopped(domain, record))
        return true;
    return xk_hv_needs_repair(hv, record) && !is_held(domain, record);
}

static void
look(struct watched *domain)
{
    struct monitor *monitor = domain->monitor;
    XK_CLEANUP_RECORD struct xk_record *record = NULL;
    struct xk_error err = {0};

    if (domain->worker != NULL || ev_is_active(&domain->retry)) {
        domain->look_again = true;
        return;
    }
    record = xk_record_open(&monitor->host->state, &domain->uuid, &err);
    if (record == NULL && err.kind != XK_ERR_NOT_FOUND)
        look_anew(domain);
    if (record == NULL)
        return; /* the directory's watch reports it */
    if (domain->hv != NULL && needs_worker(domain, record))
        start_worker(domain);
}

static void
look_again(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    look(timer->data);
}

static struct watched *
find_domain(struct monitor *monitor, const struct xk_uuid *uuid)
{
    struct watched *domain = monitor->domains;

    while (domain != NULL && !xk_uuid_equal(&domain->uuid, uuid))
        domain = domain->next;
    return domain;
}

static void
changed(const struct xk_uuid *uuid, void *context)
{
    struct watched *domain = find_domain(context, uuid);

    if (domain != NULL)
        look(domain);
}

/* ---- which domains there are ---- */

/* A driver that cannot run now may be able to later. */
static bool
find_driver(struct watched *domain)
{
    struct xk_host *host = domain->monitor->host;
    XK_CLEANUP_RECORD struct xk_record *record = NULL;
    struct xk_error why = {0};

    if (domain->hv != NULL)
        return true;
    record = xk_record_open(&host->state, &domain->uuid, NULL);
    if (record == NULL)
        return false;
    domain->hv = xk_host_driver_of(host, record, &why);
    if (domain->hv == NULL && why.kind != XK_ERR_NOT_FOUND)
        tell_once(domain, &why);
    return domain->hv != NULL;
}

/* Watch the domain's process anew: it may be another one. A domain that is not
 * built yet cannot be watched; the event of its lock file comes when it is. */
static void
watch_process(struct watched *domain)
{
    struct monitor *monitor = domain->monitor;
    struct xk_hypervisor *hv;

    if (!find_driver(domain))
        return;
    hv = domain->hv;
    if (domain->driver_watch)
        xk_hv_unwatch(hv, &domain->uuid);
    domain->driver_watch = xk_hv_watch(hv, monitor->loop, &domain->uuid,
                                       changed, monitor, NULL) == 0;
}

/* Watch the present lock file. An inotify descriptor stands for a file, so a
 * file that is watched already keeps its descriptor. */
static int
watch_lock(const struct monitor *monitor, const struct xk_uuid *uuid)
{
    char text[XK_UUID_TEXT_SIZE];
    XK_CLEANUP_FREE char *path = NULL;

    xk_uuid_format(uuid, text);
    path =
        xk_asprintf("%s/domains/%s/lock", monitor->host->state.run_path, text);
    return inotify_add_watch(monitor->inotify_fd, path, IN_CLOSE_WRITE);
}

/* A record that was removed and made again between two scans has the same UUID,
 * but another lock file, and maybe another driver. */
static void
watch_anew(struct watched *domain)
{
    int watch = watch_lock(domain->monitor, &domain->uuid);

    if (watch == domain->lock_watch)
        return;
    domain->lock_watch = watch;
    if (domain->driver_watch)
        xk_hv_unwatch(domain->hv, &domain->uuid);
    domain->driver_watch = domain->told = false;
    domain->hv = NULL;
    watch_process(domain);
    look(domain);
}

static void
add_domain(struct monitor *monitor, const struct xk_uuid *uuid)
{
    struct watched *domain = XK_NEW(struct watched);

    domain->monitor = monitor;
    domain->uuid = *uuid;
    domain->retry_seconds = RETRY_FIRST_SECONDS;
    domain->lock_watch = watch_lock(monitor, uuid);
    domain->held_seconds = HELD_FIRST_SECONDS;
    ev_timer_init(&domain->retry, look_again, 0., 0.);
    domain->retry.data = domain;
    ev_timer_init(&domain->held, look_again, 0., 0.);
    domain->held.data = domain;
    domain->next = monitor->domains;
    monitor->domains = domain;
    watch_process(domain);
    look(domain);
}

/* A worker that still runs is left alone: it has a deadline. */
static void
remove_domain(struct watched **link)
{
    struct watched *domain = *link;
    struct monitor *monitor = domain->monitor;
    struct xk_hypervisor *hv = domain->hv;

    *link = domain->next;
    if (domain->driver_watch)
        xk_hv_unwatch(hv, &domain->uuid);
    inotify_rm_watch(monitor->inotify_fd, domain->lock_watch);
    ev_timer_stop(monitor->loop, &domain->retry);
    ev_timer_stop(monitor->loop, &domain->held);
    xk_worker_disown(domain->worker);
    free(domain);
}

static bool
is_listed(const struct xk_uuid *uuids, size_t count, const struct xk_uuid *uuid)
{
    for (size_t i = 0; i < count; i++) {
        if (xk_uuid_equal(&uuids[i], uuid))
            return true;
    }
    return false;
}

static void
scan(struct monitor *monitor)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count;

    if (xk_state_list(&monitor->host->state, &uuids, &count, NULL) == -1)
        return;
    for (struct watched **link = &monitor->domains; *link != NULL;) {
        if (is_listed(uuids, count, &(*link)->uuid))
            link = &(*link)->next;
        else
            remove_domain(link);
    }
    for (size_t i = 0; i < count; i++) {
        struct watched *domain = find_domain(monitor, &uuids[i]);

        if (domain == NULL)
            add_domain(monitor, &uuids[i]);
        else
            watch_anew(domain);
    }
}

static void
lock_closed(struct monitor *monitor, int watch)
{
    for (struct watched *domain = monitor->domains; domain != NULL;
         domain = domain->next) {
        if (domain->lock_watch != watch)
            continue;
        watch_process(domain);
        ev_timer_stop(monitor->loop, &domain->held);
        domain->held_seconds = HELD_FIRST_SECONDS;
        look(domain);
        return;
    }
}

/* The kernel dropped events: anything may have happened. */
static void
look_at_all(struct monitor *monitor)
{
    for (struct watched *domain = monitor->domains; domain != NULL;
         domain = domain->next) {
        watch_process(domain);
        look(domain);
    }
}

static void
take_inotify(struct ev_loop *loop, ev_io *io, int events)
{
    struct monitor *monitor = io->data;
    char buffer[4096] __attribute__((aligned(8)));
    ssize_t length;
    bool rescan = false, overflowed = false;

    (void)loop;
    (void)events;
    while ((length = read(io->fd, buffer, sizeof(buffer))) > 0) {
        for (char *p = buffer; p < buffer + length;) {
            const struct inotify_event *event = (const void *)p;

            if ((event->mask & IN_Q_OVERFLOW) != 0)
                overflowed = true;
            else if (event->wd == monitor->directory_watch)
                rescan = true;
            else if ((event->mask & IN_CLOSE_WRITE) != 0)
                lock_closed(monitor, event->wd);
            p += sizeof(*event) + event->len;
        }
    }
    if (rescan || overflowed)
        scan(monitor);
    if (overflowed)
        look_at_all(monitor);
}

static void
trim(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct monitor *monitor = timer->data;

    (void)loop;
    (void)events;
    xk_log_trim();
    for (struct watched *domain = monitor->domains; domain != NULL;
         domain = domain->next) {
        if (!domain->driver_watch) /* watching it failed */
            watch_process(domain);
        if (domain->hv != NULL)
            xk_hv_trim(domain->hv, &domain->uuid);
    }
}

/* ---- beginning and end ---- */

static void
take_signal(struct ev_loop *loop, ev_io *io, int events)
{
    struct signalfd_siginfo info;

    (void)events;
    if (read(io->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        ev_break(loop, EVBREAK_ALL);
}

/* The state lock keeps a create from making a record between our last scan and
 * our end. It is released by our exit, as is the monitor's own lock. So whoever
 * takes the state lock next finds no monitor and starts another. */
static void
leave_if_idle(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    struct monitor *monitor = prepare->data;
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count = 1;
    int lock_fd;

    (void)events;
    if (monitor->linger || monitor->domains != NULL)
        return;
    lock_fd =
        xk_state_lock(&monitor->host->state, xk_deadline_in_ms(LOOK_MS), NULL);
    if (lock_fd == -1)
        return;
    if (xk_state_list(&monitor->host->state, &uuids, &count, NULL) == 0 &&
        count == 0) {
        ev_break(loop, EVBREAK_ALL);
        return; /* the lock goes with the process */
    }
    close(lock_fd);
}

static int
open_signals(struct xk_error *err)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd == -1 ? xk_fail_errno(err, "signalfd") : fd;
}

static int
open_inotify(struct monitor *monitor, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/domains", monitor->host->state.run_path);

    monitor->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (monitor->inotify_fd == -1)
        return xk_fail_errno(err, "inotify");
    monitor->directory_watch =
        inotify_add_watch(monitor->inotify_fd, path,
                          IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
    if (monitor->directory_watch == -1)
        return xk_fail_errno(err, "watch \"%s\"", path);
    return 0;
}

/* systemd-tmpfiles removes old files in /tmp, where a plain user's records may
 * be, but skips a directory that is locked, with all below it. Lock a file
 * description of our own: a lock on a shared one would outlive the monitor. */
static int
lock_against_aging(const struct xk_state *state)
{
    XK_CLEANUP_CLOSE int fd =
        openat(state->run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1 || flock(fd, LOCK_SH | LOCK_NB) == -1) {
        xk_warn("\"%s\" could not be locked: %s; a program that removes "
                "old files may remove records",
                state->run_path, strerror(errno));
        return -1;
    }
    return xk_take_fd(&fd);
}

static void
start_io(struct monitor *monitor, ev_io *io, int fd,
         void (*call)(struct ev_loop *loop, ev_io *io, int events))
{
    ev_io_init(io, call, fd, EV_READ);
    io->data = monitor;
    ev_io_start(monitor->loop, io);
}

static void
run_loop(struct monitor *monitor, void (*ready)(void *context), void *context)
{
    ev_timer_init(&monitor->trim, trim, TRIM_SECONDS, TRIM_SECONDS);
    monitor->trim.data = monitor;
    ev_timer_start(monitor->loop, &monitor->trim);
    ev_prepare_init(&monitor->idle, leave_if_idle);
    monitor->idle.data = monitor;
    ev_prepare_start(monitor->loop, &monitor->idle);
    scan(monitor);
    if (ready != NULL)
        ready(context);
    ev_run(monitor->loop, 0);
}

/* Each domain takes some descriptors; the usual limit is too low for many. */
static void
raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int
xk_monitor_run(struct xk_host *host, bool linger, void (*ready)(void *context),
               void *context, struct xk_error *err)
{
    struct monitor monitor = {.host = host, .linger = linger, .inotify_fd = -1};
    XK_CLEANUP_CLOSE int lock_fd = xk_monitor_lock(&host->state, err);
    XK_CLEANUP_CLOSE int signal_fd = -1;
    int age_fd;

    if (lock_fd == -1)
        return -1;
    raise_file_limit();
    signal_fd = open_signals(err);
    if (signal_fd == -1 || open_inotify(&monitor, err) == -1)
        return -1;
    /* Not the default loop, which would take over SIGCHLD. */
    monitor.loop = ev_loop_new(EVFLAG_NOINOTIFY | EVFLAG_NOENV);
    if (monitor.loop == NULL)
        return xk_fail(err, XK_ERR_FAILED, "libev has no event loop");
    start_io(&monitor, &monitor.inotify_io, monitor.inotify_fd, take_inotify);
    start_io(&monitor, &monitor.signal_io, signal_fd, take_signal);
    age_fd = lock_against_aging(&host->state);
    run_loop(&monitor, ready, context);
    if (age_fd != -1)
        close(age_fd);
    while (monitor.domains != NULL)
        remove_domain(&monitor.domains);
    close(monitor.inotify_fd);
    ev_loop_destroy(monitor.loop);
    return 0;
}
