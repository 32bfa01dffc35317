/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/watch.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/logs.h"
#include "toolstack/kvm/state.h"

/* A log that is removed says so by its link count: others may have it open. */
#define LOG_CHANGES (IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF)

enum {
    GUEST_MAX = 256 * 1024, /* bytes between two times of giving back room */
    DOUBT_MS = 1000,
};

/* ---- one domain, one wait ---- */

static int
watch_log(int dirfd, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd,
             XK_KVM_FILE_EVENTS);
    if (fd == -1)
        return xk_fail_errno(err, "inotify");
    if (inotify_add_watch(fd, path, LOG_CHANGES) == -1) {
        if (errno == ENOENT)
            return xk_fail(err, XK_ERR_NOT_FOUND, "no such domain");
        return xk_fail_errno(err, "watch \"%s\"", XK_KVM_FILE_EVENTS);
    }
    return xk_take_fd(&fd);
}

/* What has been seen: how long the log is and whether QEMU lives; never 0. */
static uint64_t
make_cookie(int dirfd, bool alive)
{
    struct stat st;

    if (fstatat(dirfd, XK_KVM_FILE_EVENTS, &st, AT_SYMLINK_NOFOLLOW) == -1)
        st.st_size = 0;
    return ((uint64_t)st.st_size + 1) << 1 | alive;
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

/* What happens may not show in the log. */
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

int
xk_kvm_wait(struct xk_hypervisor *hv, const struct xk_domain *domain,
            uint64_t *cookie, struct xk_deadline deadline, struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    XK_CLEANUP_CLOSE int log_fd = -1;
    XK_CLEANUP_CLOSE int pidfd = -1;
    struct xk_error watch_err = {0};
    struct xk_process process;
    uint64_t seen;

    (void)hv;
    if (dirfd == -1)
        return -1;
    log_fd = watch_log(dirfd, &watch_err);
    if (log_fd == -1) /* gone, which is what may be waited for */
        return watch_err.kind == XK_ERR_NOT_FOUND
                   ? 0
                   : xk_fail(err, watch_err.kind, "%s", watch_err.message);
    if (xk_kvm_identity_load(dirfd, &process, NULL, NULL) == 0)
        pidfd = xk_process_open(&process);
    /* Only now, that nothing can happen unseen. */
    seen = make_cookie(dirfd, pidfd != -1);
    if (seen != *cookie) {
        *cookie = seen;
        return 0;
    }
    return is_doubtful(dirfd) ? poll_in_doubt(log_fd, pidfd, deadline, err)
                              : poll_both(log_fd, pidfd, deadline, err);
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
    int log_watch; /* inotify's number for the log */
    off_t looked;  /* how far into the log */
    off_t trimmed; /* how far that was when room was given back */
    ev_io process; /* its pidfd; -1: it has ended */
    ev_timer first;
    void (*changed)(const struct xk_uuid *uuid, void *context);
    void *context;
};

static int
open_log(const struct xk_kvm_watched *domain)
{
    char uuid[XK_UUID_TEXT_SIZE];
    char path[XK_UUID_TEXT_SIZE + sizeof("/" XK_KVM_FILE_EVENTS)];

    xk_uuid_format(&domain->uuid, uuid);
    snprintf(path, sizeof(path), "%s/%s", uuid, XK_KVM_FILE_EVENTS);
    return openat(domain->state->domains_fd, path,
                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static void
tell(struct xk_kvm_watched *domain)
{
    struct xk_uuid uuid = domain->uuid; /* who is told may end the watch */

    domain->changed(&uuid, domain->context);
}

static void
first_look(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    tell(timer->data);
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

static void
process_ended(struct ev_loop *loop, ev_io *io, int events)
{
    struct xk_kvm_watched *domain = io->data;

    (void)loop;
    (void)events;
    stop_process_watch(domain);
    tell(domain);
}

/* At once: a guest that logs as fast as it can is not left to the next of the
 * monitor's rounds. */
static void
trim(struct xk_kvm_watched *domain)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(domain->state, &domain->uuid, NULL);

    domain->trimmed = domain->looked;
    if (record != NULL)
        xk_kvm_events_trim(record->dir_fd);
}

static void
look_at_log(struct xk_kvm_watched *domain)
{
    XK_CLEANUP_CLOSE int fd = open_log(domain);
    bool changed = fd != -1 && xk_kvm_events_look(fd, &domain->looked);

    if (domain->looked < domain->trimmed) /* it began anew */
        domain->trimmed = xk_kvm_log_first(domain->looked);
    if (domain->looked - domain->trimmed > GUEST_MAX)
        trim(domain);
    if (changed)
        tell(domain);
}

static void
log_grew(struct xk_kvm_watcher *watcher, int log_watch)
{
    struct xk_kvm_watched *domain = watcher->domains;

    while (domain != NULL && domain->log_watch != log_watch)
        domain = domain->next;
    if (domain != NULL)
        look_at_log(domain);
}

/* There was more to tell than the kernel keeps. */
static void
look_at_all_logs(struct xk_kvm_watcher *watcher)
{
    struct xk_kvm_watched *next;

    for (struct xk_kvm_watched *domain = watcher->domains; domain != NULL;
         domain = next) {
        next = domain->next; /* tell() may take this one away */
        look_at_log(domain);
    }
}

void
xk_kvm_look_again(struct xk_hypervisor *hv, const struct xk_record *record)
{
    struct xk_kvm_watched *domain = ((struct xk_kvm *)hv)->watcher.domains;
    struct xk_kvm_run run;

    while (domain != NULL && !xk_uuid_equal(&domain->uuid, &record->uuid))
        domain = domain->next;
    if (domain == NULL ||
        xk_kvm_events_read(record->dir_fd, &run, xk_deadline_in_ms(DOUBT_MS),
                           NULL) == -1 ||
        !run.doubtful)
        return;
    ev_timer_stop(domain->loop, &domain->first);
    ev_timer_set(&domain->first, 0., 0.);
    ev_timer_start(domain->loop, &domain->first);
}

static void
logs_grew(struct ev_loop *loop, ev_io *io, int events)
{
    char buffer[4096] __attribute__((aligned(8)));
    ssize_t length;

    (void)loop;
    (void)events;
    while ((length = read(io->fd, buffer, sizeof(buffer))) > 0) {
        for (char *p = buffer; p < buffer + length;) {
            const struct inotify_event *event = (const void *)p;

            if ((event->mask & IN_Q_OVERFLOW) != 0)
                look_at_all_logs(io->data);
            else if ((event->mask & IN_MODIFY) != 0)
                log_grew(io->data, event->wd);
            p += sizeof(*event) + event->len;
        }
    }
}

/* Made at the first call. */
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

/* From where the log ends now: what is before shows at the first look. */
static void
begin_watch(struct xk_kvm_watched *domain, const struct xk_record *record,
            const struct xk_process *process)
{
    struct stat st;
    int pidfd = xk_process_open(process);

    if (fstatat(record->dir_fd, XK_KVM_FILE_EVENTS, &st, AT_SYMLINK_NOFOLLOW) ==
        0)
        domain->looked = domain->trimmed = st.st_size;
    ev_io_init(&domain->process, process_ended, pidfd, EV_READ);
    domain->process.data = domain;
    if (pidfd != -1)
        ev_io_start(domain->loop, &domain->process);
    ev_timer_init(&domain->first, first_look, 0., 0.);
    domain->first.data = domain;
    ev_timer_start(domain->loop, &domain->first);
}

int
xk_kvm_watch(struct xk_hypervisor *hv, struct ev_loop *loop,
             const struct xk_uuid *uuid,
             void (*changed)(const struct xk_uuid *uuid, void *context),
             void *context, struct xk_error *err)
{
    struct xk_kvm_watcher *watcher = &((struct xk_kvm *)hv)->watcher;
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(hv->state, uuid, err);
    XK_CLEANUP_FREE char *path = NULL;
    struct xk_kvm_log_watch *logs;
    struct xk_kvm_watched *domain;
    struct xk_process process;
    int log_watch;

    if (record == NULL ||
        xk_kvm_identity_load(record->dir_fd, &process, NULL, err) == -1)
        return -1;
    logs = get_log_watch(watcher, loop, err);
    if (logs == NULL)
        return -1;
    path = xk_asprintf("%s/%s", record->path, XK_KVM_FILE_EVENTS);
    log_watch = inotify_add_watch(logs->fd, path, IN_MODIFY);
    if (log_watch == -1)
        return xk_fail_errno(err, "watch \"%s\"", path);
    domain = XK_NEW(struct xk_kvm_watched);
    *domain = (struct xk_kvm_watched){.next = watcher->domains,
                                      .state = hv->state,
                                      .loop = loop,
                                      .uuid = *uuid,
                                      .log_watch = log_watch,
                                      .changed = changed,
                                      .context = context};
    watcher->domains = domain;
    begin_watch(domain, record, &process);
    return 0;
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

/* With the last domain all that is ours leaves the loop, which may end now. */
static void
remove_watched(struct xk_kvm_watcher *watcher, struct xk_kvm_watched **link)
{
    struct xk_kvm_watched *domain = *link;

    *link = domain->next;
    stop_process_watch(domain);
    ev_timer_stop(domain->loop, &domain->first);
    if (watcher->log_watch != NULL)
        inotify_rm_watch(watcher->log_watch->fd, domain->log_watch);
    free(domain);
    if (watcher->domains == NULL)
        close_log_watch(watcher);
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
