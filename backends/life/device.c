/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device's process: open, run, close.
 *
 * run_once() is the main loop's body. It waits with poll(2) for the store's
 * watches, the workers' eventfd, signals and the control socket. Each source
 * only sets flags or calls states.c; run_due_work() then reads the store
 * again if a flag asks for it, at most every 20 ms, and ends the wait for
 * requests in flight when its time is over.
 */
#include "backends/life/device.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "backends/life/device_internal.h"
#include "backends/life/jail.h"
#include "backends/ring/xen_guest.h"
#include "base/cleanup.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"
#include "contracts/device.h"

enum {
    WORKERS_CHOSEN_MAX = 8, /* more than a guest's vCPUs do not help */
    WORKERS_MS = 10000,     /* for all workers to set themselves up */
};

/* ---- opening ---- */

/* Called before any thread is made, so that every thread inherits the mask and
 * signals arrive only at the signalfd. */
static int
catch_signals(struct xk_device *device, struct xk_error *err)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGPIPE);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) == -1)
        return xk_fail_errno(err, "block signals");
    sigdelset(&signals, SIGPIPE);
    sigdelset(&signals, SIGHUP);
    device->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (device->signal_fd == -1)
        return xk_fail_errno(err, "make a signalfd");
    device->changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (device->changed_fd == -1)
        return xk_fail_errno(err, "make an eventfd");
    return 0;
}

/* Write which process serves the device. Anyone who wants to end us must rely
 * on this file: the lock file stays open in the jail, so a guest that has taken
 * us over could change the pid in it. That pid is only for people. */
static int
write_identity(int fd, const char *dir, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" XK_DEVICE_PROCESS, dir);

    if (xk_file_lock_write_pid(fd) == -1)
        return xk_fail_errno(err, "write to the lock of \"%s\"", dir);
    return xk_process_save_self(AT_FDCWD, path, err);
}

static int
lock_directory(struct xk_device *device, const char *dir, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" XK_DEVICE_LOCK, dir);
    XK_CLEANUP_FREE char *held =
        xk_asprintf("another xk-backend serves \"%s\" already", dir);

    device->lock_fd = xk_file_lock_open(AT_FDCWD, path, held, err);
    return device->lock_fd == -1 ? -1
                                 : write_identity(device->lock_fd, dir, err);
}

static void
clear_changed(struct xk_device *device)
{
    uint64_t value;

    (void)!read(device->changed_fd, &value, sizeof(value));
}

static int
await_workers(struct xk_device *device, struct xk_error *err)
{
    struct xk_deadline deadline = xk_deadline_in_ms(WORKERS_MS);

    for (unsigned i = 0; i < device->worker_count; i++) {
        const struct xk_worker *worker = device->workers[i];

        while (xk_worker_state(worker) == XK_WORKER_STARTING) {
            if (xk_deadline_poll(deadline, device->changed_fd, POLLIN,
                                 "a queue's thread", err) == -1)
                return -1;
            clear_changed(device);
        }
        if (xk_worker_state(worker) == XK_WORKER_FAILED)
            return xk_fail(err, XK_ERR_HOST, "%s", xk_worker_reason(worker));
    }
    return 0;
}

static int
open_all(struct xk_device *device, const char *dir, struct xk_error *err)
{
    XK_CLEANUP_FREE char *control = xk_asprintf("%s/" XK_DEVICE_CONTROL, dir);

    if (catch_signals(device, err) == -1 ||
        device->kind->configure(device, dir, err) == -1 ||
        lock_directory(device, dir, err) == -1 ||
        device->kind->open(device, dir, err) == -1)
        return -1;
    device->store = xk_store_open(NULL, xk_device_store_deadline(), err);
    if (device->store == NULL)
        return -1;
    device->control = xk_control_open(control, xk_device_answer, device, err);
    if (device->control == NULL || await_workers(device, err) == -1)
        return -1;
    return xk_jail_enter(device->config->uid, device->config->gid,
                         device->kind->calls, err);
}

/* Watch single nodes and not directories, so that a guest cannot cause events
 * by filling its directory. */
static int
watch(struct xk_device *device, struct xk_error *err)
{
    const struct {
        const char *path, *node;
    } nodes[] = {
        {device->config->frontend, "state"},
        {device->config->backend, "state"},
        {device->config->backend, "online"},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(nodes); i++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/%s", nodes[i].path, nodes[i].node);

        if (xk_store_watch(device->store, path, "x", xk_device_store_deadline(),
                           err) == -1)
            return -1;
    }
    return 0;
}

/* ---- running ---- */

/* Go on without xenstored: connected rings do not need it. */
static void
lose_store(struct xk_device *device, const struct xk_error *err)
{
    xk_log(XK_LOG_ERROR, "%s: xenstored: %s: continuing without it",
           device->title, err->message);
    xk_store_close(device->store);
    device->store = NULL;
    device->must_look = false;
}

static void
take_store_events(struct xk_device *device)
{
    XK_CLEANUP_STORE_EVENT struct xk_store_event event = {0};
    struct xk_error err;
    int rc;

    while (device->store != NULL &&
           (rc = xk_store_next_event(device->store, &event, &err)) != 0) {
        if (rc == -1) {
            lose_store(device, &err);
            return;
        }
        device->must_look = true;
        xk_store_event_free(&event);
    }
}

static int
ms_until(int64_t when_ns)
{
    int64_t left = when_ns - xk_now_ns();

    return left <= 0 ? 0 : (int)(left / 1000000 + 1);
}

static bool
is_look_due(const struct xk_device *device)
{
    return device->must_look && ms_until(device->look_after_ns) == 0;
}

static int
timeout_ms(const struct xk_device *device)
{
    int look = device->must_look ? ms_until(device->look_after_ns) : -1;
    int end = xk_device_waits(device) ? ms_until(device->abandon_ns) : -1;

    if (look == -1 || end == -1)
        return look > end ? look : end;
    return look < end ? look : end;
}

static void
take_signal(struct xk_device *device)
{
    struct signalfd_siginfo info;

    if (read(device->signal_fd, &info, sizeof(info)) > 0)
        xk_device_stop(device);
}

/* After a timeout, read the store again later: it may only be busy. After any
 * other error give the store up. */
static void
handle_store_error(struct xk_device *device, int rc, const struct xk_error *err)
{
    if (rc == 0)
        return;
    if (err->kind == XK_ERR_TIMEOUT) {
        xk_warn("%s: %s", device->title, err->message);
        device->must_look = true;
    } else if (device->store != NULL)
        lose_store(device, err);
}

/* Do what does not depend on a descriptor that poll(2) reported. */
static void
run_due_work(struct xk_device *device)
{
    struct xk_error err;

    take_store_events(device);
    if (xk_device_waits(device) && ms_until(device->abandon_ns) == 0)
        xk_device_abandon(device);
    if (is_look_due(device) && device->store != NULL)
        handle_store_error(device, xk_device_look(device, &err), &err);
    if (device->store == NULL && device->phase == XK_DEVICE_STILL &&
        (device->end == XK_DEVICE_ASKED || device->end == XK_DEVICE_STUCK))
        xk_device_advance_end(device, XK_DEVICE_DONE);
}

static void
run_once(struct xk_device *device)
{
    enum {
        STORE,
        CHANGED,
        SIGNALS,
        CONTROL
    };
    struct pollfd fds[CONTROL + XK_CONTROL_FDS];
    struct xk_error err;

    take_store_events(device);
    fds[STORE] = (struct pollfd){
        .fd = device->store != NULL ? xk_store_fd(device->store) : -1,
        .events = POLLIN};
    fds[CHANGED] = (struct pollfd){.fd = device->changed_fd, .events = POLLIN};
    fds[SIGNALS] = (struct pollfd){.fd = device->signal_fd, .events = POLLIN};
    xk_control_poll(device->control, fds + CONTROL);
    if (poll(fds, CONTROL + XK_CONTROL_FDS, timeout_ms(device)) == -1)
        return;
    if (fds[SIGNALS].revents != 0)
        take_signal(device);
    if (fds[CHANGED].revents != 0) {
        clear_changed(device);
        handle_store_error(device, xk_device_workers_changed(device, &err),
                           &err);
    }
    xk_control_serve(device->control, fds + CONTROL);
    run_due_work(device);
}

static int
begin(struct xk_device *device, struct xk_error *err)
{
    if (watch(device, err) == -1)
        return -1;
    /* Not before all is open: a device that cannot begin has not served. */
    if (device->kind->begin != NULL)
        device->kind->begin(device);
    device->served = true;
    if (xk_device_begin(device, err) == -1)
        return -1;
    /* Finish a take-over. It ends: workers bind with a deadline. */
    while (device->phase == XK_DEVICE_CONNECTING)
        run_once(device);
    return 0;
}

struct xk_device *
xk_device_open(const struct xk_device_kind *kind, const char *dir,
               struct xk_error *err)
{
    struct xk_device *device = XK_NEW(struct xk_device);

    device->kind = kind;
    device->lock_fd = device->signal_fd = device->changed_fd = -1;
    if (open_all(device, dir, err) == 0 && begin(device, err) == 0)
        return device;
    device->served = false;
    xk_device_close(device);
    return NULL;
}

void
xk_device_run(struct xk_device *device)
{
    while (device->end != XK_DEVICE_DONE)
        run_once(device);
}

void
xk_device_close(struct xk_device *device)
{
    if (device == NULL)
        return;
    for (unsigned i = 0; i < device->worker_count; i++)
        xk_worker_free(device->workers[i]);
    xk_control_close(device->control);
    xk_store_close(device->store);
    if (device->own != NULL)
        device->kind->close(device, device->served);
    if (device->changed_fd != -1)
        close(device->changed_fd);
    if (device->signal_fd != -1)
        close(device->signal_fd);
    if (device->lock_fd != -1)
        close(device->lock_fd);
    free(device);
}

/* ---- for kinds ---- */

void
xk_device_set(struct xk_device *device, void *own,
              const struct xk_device_config *config, const char *title)
{
    device->own = own;
    device->config = config;
    device->title = title;
}

void *
xk_device_own(const struct xk_device *device)
{
    return device->own;
}

int
xk_device_changed_fd(const struct xk_device *device)
{
    return device->changed_fd;
}

void
xk_device_add_worker(struct xk_device *device, struct xk_worker *worker)
{
    assert(device->worker_count < XK_DEVICE_WORKERS_MAX);
    device->workers[device->worker_count++] = worker;
}

unsigned
xk_device_choose_workers(unsigned asked)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (asked != 0)
        return asked;
    if (processors < 1)
        return 1;
    return processors < WORKERS_CHOSEN_MAX ? (unsigned)processors
                                           : WORKERS_CHOSEN_MAX;
}

int
xk_device_add_workers(struct xk_device *device, unsigned count,
                      struct xk_worker *(*make)(struct xk_device *device,
                                                struct xk_guest *guest,
                                                unsigned number,
                                                struct xk_error *err),
                      struct xk_error *err)
{
    for (unsigned i = 0; i < count; i++) {
        struct xk_guest *guest = xk_xen_guest_open(device->config->domid, err);
        struct xk_worker *worker;

        if (guest == NULL)
            return -1;
        worker = make(device, guest, i, err);
        if (worker == NULL)
            return -1;
        xk_device_add_worker(device, worker);
    }
    return 0;
}

struct xk_worker *
xk_device_worker(const struct xk_device *device, unsigned number)
{
    assert(number < device->worker_count);
    return device->workers[number];
}

unsigned
xk_device_worker_count(const struct xk_device *device)
{
    return device->worker_count;
}

struct xk_store *
xk_device_store(const struct xk_device *device)
{
    return device->store;
}
