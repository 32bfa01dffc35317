/* SPDX-License-Identifier: GPL-2.0-or-later */
/* That there is one monitor: its lock, which it holds as long as it lives, and
 * its start in the background. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "toolstack/monitor.h"
#include "toolstack/operations.h"

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

static pid_t
read_pid(int fd)
{
    char text[16];
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

    text[length > 0 ? length : 0] = '\0';
    return (pid_t)strtol(text, NULL, 10);
}

int
xk_monitor_lock(const struct xk_state *state, struct xk_error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    XK_CLEANUP_CLOSE int fd = open_monitor_lock(state, err);
    char text[16];
    int length;

    if (fd == -1)
        return -1;
    if (fcntl(fd, F_OFD_SETLK, &lock) == -1)
        return xk_fail(err, XK_ERR_IN_USE,
                       "a monitor runs already for \"%s\" (pid %d)",
                       state->run_path, (int)read_pid(fd));
    length = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) == -1 || pwrite(fd, text, (size_t)length, 0) == -1)
        return xk_fail_errno(err, "write \"%s/monitor.lock\"", state->run_path);
    return xk_take_fd(&fd);
}

pid_t
xk_monitor_pid(const struct xk_state *state)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    XK_CLEANUP_CLOSE int fd = open_monitor_lock(state, NULL);

    if (fd == -1 || fcntl(fd, F_OFD_GETLK, &lock) == -1 ||
        lock.l_type == F_UNLCK)
        return 0;
    return read_pid(fd);
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

static void
exec_monitor(const struct xk_host *host)
{
    const char *const argv[] = {host->program, "-v", XK_VERB_MONITOR,
                                "--until-idle", NULL};
    int log_fd = open_log(&host->state);
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setsid();
    /* It watches the domains of all. */
    unsetenv("XK_HYPERVISOR");
    setenv(XK_LOG_BOUNDED, "1", 1);
    /* In between, so that the one who waits for us does not wait for it. */
    if (fork() != 0)
        _exit(0);
    if (log_fd == -1 || null_fd == -1 || chdir("/") == -1)
        _exit(126);
    dup2(null_fd, 0);
    dup2(log_fd, 1);
    dup2(log_fd, 2);
    close_range(3, UINT_MAX, 0);
    execv(host->program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

int
xk_monitor_ensure(const struct xk_host *host, struct xk_error *err)
{
    pid_t pid;

    if (xk_monitor_pid(&host->state) != 0)
        return 0;
    pid = fork();
    if (pid == -1)
        return xk_fail_errno(err, "fork the monitor");
    if (pid == 0)
        exec_monitor(host);
    while (waitpid(pid, NULL, 0) == -1 && errno == EINTR) {
    }
    return 0;
}
