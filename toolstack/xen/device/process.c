/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes that serve a device. They outlive us. Each process identifies
 * itself in a file that it writes before it drops its privileges and cannot
 * write afterwards: a process that a guest has taken over cannot name another
 * one to be killed in its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/ready.h"
#include "base/spawn.h"
#include "base/util.h"
#include "toolstack/program.h"
#include "toolstack/xen/device/device_internal.h"

enum {
    READY_FD = 3,
    DRAIN_MS = 5000, /* for the I/O in flight; then it is abandoned */
    NAMED_MS = 2000, /* for the file that identifies a lock's holder */
    LOOK_MS = 20,
};

#define READY_FD_TEXT "3"
#define LOG "log"

static const struct xk_xen_device_process backend = {XK_DEVICE_PROCESS,
                                                     XK_DEVICE_LOCK};

/* ---- finding ---- */

/* Returns true if a process holds the file's lock, or if that cannot be known.
 * The jailed process can write anything into the file, and can release the
 * lock. */
static bool
is_locked(const struct xk_xen_device *device, const char *name)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", device->path, name);
    XK_CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    return fd == -1 ? errno != ENOENT : xk_file_lock_is_held(fd) != 0;
}

/* Returns pid 0 if the file names no process. */
static struct xk_process
find_process(const struct xk_xen_device *device,
             const struct xk_xen_device_process *which)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/%s", device->path, which->file);
    struct xk_process process;

    xk_process_load(AT_FDCWD, path, &process, NULL);
    return process;
}

bool
xk_xen_device_process_lives(const struct xk_xen_device *device,
                            const struct xk_xen_device_process *which)
{
    struct xk_process process = find_process(device, which);

    return xk_process_alive(&process);
}

int
xk_xen_device_open_process(const struct xk_xen_device *device,
                           const struct xk_xen_device_process *which)
{
    struct xk_process process = find_process(device, which);

    return xk_process_open(&process);
}

/* A process that has released the lock of its directory does not serve. */
static bool
has_backend(const struct xk_xen_device *device)
{
    return is_locked(device, backend.lock) &&
           xk_xen_device_process_lives(device, &backend);
}

bool
xk_xen_device_is_served(const struct xk_xen_device *device)
{
    const struct xk_xen_device_side *side = device->kind->side;

    return has_backend(device) && (side == NULL || side->is_there(device));
}

int
xk_xen_device_open_backend(const struct xk_xen_device *device)
{
    return xk_xen_device_open_process(device, &backend);
}

size_t
xk_xen_device_open_processes(const struct xk_xen_device *device,
                             int fds[XK_XEN_DEVICE_PROCESSES])
{
    const struct xk_xen_device_side *side = device->kind->side;
    size_t count = 0;

    fds[count] = xk_xen_device_open_backend(device);
    if (fds[count] != -1)
        count++;
    fds[count] = side != NULL ? side->open(device) : -1;
    if (fds[count] != -1)
        count++;
    return count;
}

/* ---- ending ---- */

static void
send_signal(int fd, int number)
{
    syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
}

/* Set *fd to a pidfd of the process, or to -1 if there is none. A process takes
 * its lock a moment before it identifies itself. If the lock is held and the
 * identity is missing or unreadable, a process exists all the same: wait for
 * the identity, then fail. */
static int
find_holder(const struct xk_xen_device *device,
            const struct xk_xen_device_process *which, int *fd,
            struct xk_error *err)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/%s", device->path, which->file);
    struct xk_deadline patience = xk_deadline_in_ms(NAMED_MS);
    struct xk_process process;

    while (xk_process_load(AT_FDCWD, path, &process, NULL) == -1 &&
           is_locked(device, which->lock)) {
        if (!xk_deadline_pause(patience, LOOK_MS))
            return xk_fail(err, XK_ERR_IN_USE,
                           "a process holds \"%s/%s\", and \"%s\" beside it "
                           "does not say which: end the process that \"fuser\" "
                           "names for it, and try again",
                           device->path, which->lock, which->file);
    }
    *fd = xk_process_open(&process);
    return *fd != -1 || errno == ESRCH
               ? 0
               : xk_fail_errno(err, "open the process of \"%s\"", which->file);
}

/* SIGTERM first, so that the process finishes its I/O. A released lock is only
 * the process's own claim, so kill it all the same, but do not wait: the kernel
 * ends it when the I/O allows. */
int
xk_xen_device_end_process(const struct xk_xen_device *device,
                          const struct xk_xen_device_process *which,
                          bool let_go, struct xk_deadline deadline,
                          struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_deadline patience =
        xk_deadline_min(deadline, xk_deadline_in_ms(DRAIN_MS));

    if (find_holder(device, which, &fd, err) == -1)
        return -1;
    if (fd == -1)
        return 0;
    send_signal(fd, SIGTERM);
    if (xk_deadline_poll(patience, fd, POLLIN, which->file, NULL) != -1)
        return 0;
    let_go = let_go && !is_locked(device, which->lock);
    send_signal(fd, SIGKILL);
    if (let_go || xk_deadline_poll(xk_deadline_in_ms(XK_XEN_DEVICE_GONE_MS), fd,
                                   POLLIN, which->file, NULL) != -1)
        return 0;
    return xk_fail(err, XK_ERR_TIMEOUT,
                   "the process that serves %s %s does not end: the kernel "
                   "waits for %s",
                   device->kind->noun, device->name, device->kind->waits_for);
}

int
xk_xen_device_end_backend(const struct xk_xen_device *device,
                          struct xk_deadline deadline, struct xk_error *err)
{
    return xk_xen_device_end_process(device, &backend, false, deadline, err);
}

void
xk_xen_device_begin_stop(const struct xk_xen_device *device)
{
    XK_CLEANUP_CLOSE int fd = xk_xen_device_open_backend(device);

    if (fd != -1)
        send_signal(fd, SIGTERM);
}

int
xk_xen_device_stop(const struct xk_xen_device *device,
                   struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_xen_device_side *side = device->kind->side;

    if (xk_xen_device_end_backend(device, deadline, err) == -1)
        return -1;
    return side != NULL ? side->stop(device, deadline, err) : 0;
}

/* The companions hold nothing of the guest: if they do not end, only warn. */
int
xk_xen_device_abandon(const struct xk_xen_device *device,
                      struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_xen_device_side *side = device->kind->side;
    struct xk_error late;

    if (xk_xen_device_end_process(device, &backend, true, deadline, err) == -1)
        return -1;
    if (side != NULL && side->abandon(device, deadline, &late) == -1)
        xk_warn("%s", late.message);
    return 0;
}

/* ---- starting ---- */

/* context: the deadline. */
static int
say_who_waits(void *context, struct xk_error *err)
{
    const struct xk_deadline *deadline = context;
    char ms[16];

    snprintf(ms, sizeof(ms), "%d", xk_deadline_left_ms(*deadline));
    return setenv(XK_READY_ENV, READY_FD_TEXT, 1) == -1 ||
                   setenv(XK_READY_MS_ENV, ms, 1) == -1
               ? xk_fail_errno(err, "set a variable")
               : 0;
}

/* Started as an orphan, because this process may end before the program
 * does. */
static int
spawn_program(const char *const *argv, const char *log_path, int ready_fd,
              struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int log =
        open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    const struct xk_spawn_fd fds[] = {{log, STDOUT_FILENO, "its log"},
                                      {log, STDERR_FILENO, "its log"},
                                      {ready_fd, READY_FD, "a pipe"}};
    const struct xk_spawn spawn = {
        .argv = argv,
        .fds = fds,
        .fd_count = XK_ARRAY_SIZE(fds),
        .no_input = true,
        .session = true,
        .orphan = true,
        .prepare = say_who_waits,
        .context = &deadline,
    };

    if (log == -1)
        return xk_fail_errno(err, "open \"%s\"", log_path);
    return xk_spawn(&spawn, err) == -1 ? -1 : 0;
}

static int
check_ready(const struct xk_buf *line, const char *program,
            struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *said = NULL;

    if (line->length == 0)
        return xk_fail(err, XK_ERR_FAILED,
                       "%s ended before it served; its log says why", program);
    said = xk_xen_device_take_line(line, err);
    return said == NULL ? -1 : 0;
}

int
xk_xen_device_run(const struct xk_xen_device *device,
                  const struct xk_xen_device_program *which,
                  struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *program = xk_program_find(which->name, err);
    XK_CLEANUP_FREE char *log = xk_asprintf("%s/%s", device->path, which->log);
    const char *argv[4] = {program};
    size_t words = 1;
    XK_CLEANUP_BUF struct xk_buf line = {0};
    XK_CLEANUP_CLOSE int ready_fd = -1;
    int ends[2], r;

    if (program == NULL)
        return -1;
    if (pipe2(ends, O_CLOEXEC) == -1)
        return xk_fail_errno(err, "pipe");
    ready_fd = ends[0];
    if (which->word != NULL)
        argv[words++] = which->word;
    argv[words] = device->path;
    r = spawn_program(argv, log, ends[1], deadline, err);
    close(ends[1]);
    if (r == -1 ||
        xk_xen_device_read_line(ready_fd, &line, deadline, err) == -1)
        return -1;
    return check_ready(&line, which->name, err);
}

static int
start_backend(const struct xk_xen_device *device, struct xk_deadline deadline,
              struct xk_error *err)
{
    const struct xk_xen_device_program program = {XK_XEN_BACKEND_PROGRAM,
                                                  device->kind->name, LOG};

    return xk_xen_device_run(device, &program, deadline, err);
}

/* Make the companion ready. If the companion is gone, end xk-backend first: it
 * is connected to the companion and cannot go on without. */
static int
prepare_side(const struct xk_xen_device *device, struct xk_deadline deadline,
             struct xk_error *err)
{
    const struct xk_xen_device_side *side = device->kind->side;

    if (side == NULL)
        return 0;
    if (side->is_there(device))
        return has_backend(device) || side->prepare == NULL
                   ? 0
                   : side->prepare(device, deadline, err);
    if (xk_xen_device_end_backend(device, deadline, err) == -1)
        return -1;
    return side->start(device, deadline, err);
}

/* An xk-backend that lives without its lock has released the lock, or was made
 * to. It would be in the way of the next one, so end it first. */
int
xk_xen_device_start(const struct xk_xen_device *device,
                    struct xk_deadline deadline, struct xk_error *err)
{
    if (!has_backend(device) &&
        xk_xen_device_end_backend(device, deadline, err) == -1)
        return -1;
    if (prepare_side(device, deadline, err) == -1)
        return -1;
    return has_backend(device) ? 0 : start_backend(device, deadline, err);
}

/* ---- errors ---- */

char *
xk_xen_device_complaint(const struct xk_buf *errors)
{
    static const char prefix[] = XK_XEN_BACKEND_PROGRAM ": error: ";
    const char *said = errors->data != NULL ? errors->data : "";

    if (strncmp(said, prefix, strlen(prefix)) == 0)
        said += strlen(prefix);
    return xk_asprintf("%.*s", (int)strcspn(said, "\n"), said);
}
