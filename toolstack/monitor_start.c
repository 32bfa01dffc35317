/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/monitor_start.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "base/spawn.h"
#include "base/util.h"

enum {
    LOG_LIMIT = 1 << 20,
};

/* ---- its lock ---- */

static int
open_monitor_lock(const struct xk_state *state, struct xk_error *err)
{
    int fd = openat(state->run_fd, "monitor.lock",
                    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd == -1)
        return xk_fail_errno(err, "open \"%s/monitor.lock\"", state->run_path);
    return fd;
}

int
xk_monitor_lock(const struct xk_state *state, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = open_monitor_lock(state, err);

    if (fd == -1)
        return -1;
    if (xk_file_lock_take(fd) == -1)
        return xk_fail(err, XK_ERR_IN_USE,
                       "a monitor runs already for \"%s\" (pid %d)",
                       state->run_path, (int)xk_file_lock_read_pid(fd));
    if (xk_file_lock_write_pid(fd) == -1)
        return xk_fail_errno(err, "write \"%s/monitor.lock\"", state->run_path);
    return xk_take_fd(&fd);
}

pid_t
xk_monitor_pid(const struct xk_state *state)
{
    XK_CLEANUP_CLOSE int fd = open_monitor_lock(state, NULL);

    return fd != -1 && xk_file_lock_is_held(fd) == 1 ? xk_file_lock_read_pid(fd)
                                                     : 0;
}

/* ---- its start ---- */

static int
open_log(const struct xk_state *state)
{
    int fd =
        openat(state->run_fd, "monitor.log",
               O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;

    if (fd != -1 && fstat(fd, &st) == 0 && st.st_size > LOG_LIMIT &&
        ftruncate(fd, 0) == -1)
        return fd;
    return fd;
}

/* The monitor watches the domains of all drivers, and its log is bounded. */
static int
set_environment(void *context, struct xk_error *err)
{
    (void)context;
    (void)err;
    unsetenv("XK_HYPERVISOR");
    setenv(XK_LOG_BOUNDED, "1", 1);
    return 0;
}

static int
start_monitor(const char *program, int log_fd, struct xk_error *err)
{
    const char *const argv[] = {program, "-v", XK_VERB_MONITOR, "--until-idle",
                                NULL};
    const struct xk_spawn_fd fds[] = {{log_fd, STDOUT_FILENO, "its log"},
                                      {log_fd, STDERR_FILENO, "its log"}};
    const struct xk_spawn spawn = {
        .argv = argv,
        .directory = "/",
        .fds = fds,
        .fd_count = XK_ARRAY_SIZE(fds),
        .no_input = true,
        .close_others = true,
        .session = true,
        .orphan = true,
        .keep_ignored = true,
        .prepare = set_environment,
    };

    return xk_spawn(&spawn, err) == -1 ? xk_wrap(err, "start the monitor") : 0;
}

static int
ensure_monitor(const struct xk_host *host, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int log_fd = -1;

    if (xk_monitor_pid(&host->state) != 0)
        return 0;
    log_fd = open_log(&host->state);
    /* Without a log there is no monitor; the next verb tries again. */
    return log_fd == -1 ? 0 : start_monitor(host->program, log_fd, err);
}

void
xk_host_need_monitor(struct xk_host *host)
{
    struct xk_error err = {0};

    /* The monitor and its workers must not start another monitor. */
    if (host->program == NULL || strcmp(host->verb, XK_VERB_MONITOR) == 0 ||
        strcmp(host->verb, XK_VERB_WORKER) == 0)
        return;
    if (ensure_monitor(host, &err) == -1)
        xk_warn("the monitor does not run, so nothing acts when a domain "
                "stops: %s",
                err.message);
}
