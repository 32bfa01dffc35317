/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/collect.h"
#include "base/file.h"
#include "base/json.h"
#include "base/util.h"

enum {
    FILE_VERSION = 1,
    FILE_BYTES = 128, /* the same for every process, to overwrite in place */
    FILE_BYTES_MAX = 4096,
    KILLED_MS = 2000,
    LOOK_MS = 20,
};

extern char **environ;

int
xk_process_read_stat(pid_t pid, struct xk_process_stat *stat)
{
    char path[64];
    char text[1024];
    XK_CLEANUP_CLOSE int fd = -1;
    uint64_t user, system, resident_pages;
    ssize_t length;
    char *after;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    length = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);
    if (length <= 0) {
        if (length == 0 ||
            (errno != EMFILE && errno != ENFILE && errno != ENOMEM))
            errno = ESRCH;
        return -1;
    }
    text[length] = '\0';
    /* The command's name, in parentheses, may contain anything. */
    after = strrchr(text, ')');
    if (after == NULL ||
        sscanf(after + 1,
               " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64
               " %" SCNu64 " %*s %*s %*s %*s %*s %*s %" SCNu64 " %*s %" SCNu64,
               &stat->state, &user, &system, &stat->start_ticks,
               &resident_pages) != 5) {
        errno = ESRCH;
        return -1;
    }
    stat->cpu_ticks = user + system;
    stat->resident_bytes = resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return 0;
}

bool
xk_process_identify(pid_t pid, struct xk_process *process)
{
    struct xk_process_stat stat;

    if (xk_process_read_stat(pid, &stat) == -1)
        return false;
    *process = (struct xk_process){pid, stat.start_ticks};
    return true;
}

/* Check that the pid still belongs to that process. Returns -1 with errno,
 * which is ESRCH if not. Ignore the state: the first thread is a zombie as soon
 * as it has returned, while other threads still run or wait for I/O in the
 * kernel. */
static int
check_identity(const struct xk_process *process)
{
    struct xk_process_stat stat;

    if (xk_process_read_stat(process->pid, &stat) == -1)
        return -1;
    if (stat.start_ticks == process->start_ticks)
        return 0;
    errno = ESRCH;
    return -1;
}

static bool
has_ended(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    return poll(&end, 1, 0) > 0;
}

int
xk_process_open(const struct xk_process *process)
{
    XK_CLEANUP_CLOSE int fd = -1;

    if (process->pid <= 0) {
        errno = ESRCH;
        return -1;
    }
    fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (fd == -1 && (errno == EINVAL || errno == ENOENT))
        errno = ESRCH; /* the pid belongs to a thread of another process */
    if (fd == -1)
        return -1;
    /* Check after opening: the pidfd now refers to one process for good. */
    if (check_identity(process) == -1)
        return -1;
    if (has_ended(fd)) {
        errno = ESRCH;
        return -1;
    }
    return xk_take_fd(&fd);
}

/* If no descriptor is free, assume that the process is alive. */
bool
xk_process_alive(const struct xk_process *process)
{
    XK_CLEANUP_CLOSE int fd = xk_process_open(process);

    return fd != -1 || errno != ESRCH;
}

/* Overwrite the file with one write of the same length, so that no reader sees
 * half of it. */
static int
write_over(int dirfd, const char *name, const struct xk_buf *text)
{
    XK_CLEANUP_CLOSE int fd =
        openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

    return fd != -1 && pwrite(fd, text->data, text->length, 0) ==
                           (ssize_t)text->length
               ? 0
               : -1;
}

int
xk_process_save(int dirfd, const char *name, const struct xk_process *process,
                struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *writer = xk_json_writer_new(&text, false);
    struct xk_error why = {0};

    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, XK_JSON_VERSION, FILE_VERSION);
    xk_json_put_integer(writer, "pid", process->pid);
    xk_json_put_integer(writer, "start_ticks", (int64_t)process->start_ticks);
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
    while (text.length < FILE_BYTES)
        xk_buf_puts(&text, " ");
    if (xk_write_file(dirfd, name, text.data, text.length, false, &why) == 0)
        return 0;
    /* Overwrite the old file, which has space and names a process that is
     * gone. */
    if ((why.errnum == ENOSPC || why.errnum == EDQUOT) &&
        write_over(dirfd, name, &text) == 0)
        return 0;
    if (err != NULL)
        *err = why;
    return -1;
}

static int
take_process(const struct xk_json *json, struct xk_process *process,
             struct xk_error *err)
{
    int64_t pid, start_ticks;

    if (xk_json_check_version(json, FILE_VERSION, err) == -1)
        return -1;
    if (!xk_json_integer(xk_json_get(json, "pid"), &pid) || pid <= 0 ||
        pid > INT32_MAX ||
        !xk_json_integer(xk_json_get(json, "start_ticks"), &start_ticks) ||
        start_ticks < 0)
        return xk_fail(err, XK_ERR_PROTOCOL, "it does not name a process");
    *process = (struct xk_process){(pid_t)pid, (uint64_t)start_ticks};
    return 0;
}

int
xk_process_save_self(int dirfd, const char *name, struct xk_error *err)
{
    struct xk_process self;

    if (!xk_process_identify(getpid(), &self))
        return xk_fail(err, XK_ERR_HOST, "/proc does not show this process");
    return xk_process_save(dirfd, name, &self, err);
}

int
xk_process_load(int dirfd, const char *name, struct xk_process *process,
                struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    struct xk_error why = {0};

    *process = (struct xk_process){0};
    if (xk_read_file(dirfd, name, FILE_BYTES_MAX, &text, &why) == -1)
        return xk_fail(err, why.errnum == ENOENT ? XK_ERR_NOT_FOUND : why.kind,
                       "%s", why.message);
    json = xk_json_parse(text.data, text.length, name, err);
    if (json == NULL)
        return -1;
    return take_process(json, process, err) == 0 ? 0
                                                 : xk_wrap(err, "\"%s\"", name);
}

void
xk_process_signal(const struct xk_process *process, int signal)
{
    XK_CLEANUP_CLOSE int fd = xk_process_open(process);

    if (fd != -1)
        syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
}

int
xk_process_kill(const struct xk_process *process, struct xk_deadline deadline,
                struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = xk_process_open(process);

    if (fd == -1)
        return errno == ESRCH
                   ? 0
                   : xk_fail_errno(err, "open process %d", (int)process->pid);
    if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == -1 &&
        errno != ESRCH)
        return xk_fail_errno(err, "kill process %d", (int)process->pid);
    if (xk_deadline_poll(deadline, fd, POLLIN, "a killed process", err) == -1)
        return -1;
    return 0;
}

static bool
child_has_ended(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == -1 ||
           info.si_pid != 0;
}

void
xk_process_reap(pid_t pid, int *status)
{
    while (waitpid(pid, status, 0) == -1 && errno == EINTR) {
    }
}

bool
xk_process_await_child(pid_t pid, int *status, struct xk_deadline deadline)
{
    XK_CLEANUP_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd != -1 &&
        xk_deadline_poll(deadline, fd, POLLIN, "a program", NULL) == -1)
        return false;
    while (fd == -1 && !child_has_ended(pid)) {
        if (!xk_deadline_pause(deadline, LOOK_MS))
            return false;
    }
    xk_process_reap(pid, status);
    return true;
}

void
xk_process_kill_child(pid_t pid)
{
    int status;

    kill(pid, SIGKILL);
    (void)xk_process_await_child(pid, &status, xk_deadline_in_ms(KILLED_MS));
}

static int
start(const char *const *argv, int output, int errors, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    char *const *arguments = (char *const *)(uintptr_t)argv;
    int r;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_adddup2(&actions, errors, 2);
    r = posix_spawnp(pid, argv[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

static int
make_pipe(int *ours, int *its, struct xk_error *err)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == -1)
        return xk_fail_errno(err, "pipe");
    *ours = ends[0];
    *its = ends[1];
    return 0;
}

static pid_t
start_searched(const char *const *argv, int output, int errors,
               struct xk_error *err)
{
    pid_t pid;
    int r = start(argv, output, errors, &pid);

    if (r == 0)
        return pid;
    if (r == ENOENT)
        return xk_fail(err, XK_ERR_HOST, "\"%s\" is not installed", argv[0]);
    errno = r;
    return xk_fail_errno(err, "run \"%s\"", argv[0]);
}

int
xk_process_run(const char *const *argv, size_t limit, struct xk_buf *output,
               struct xk_buf *errors, struct xk_deadline deadline, int *status,
               struct xk_error *err)
{
    XK_CLEANUP_CLOSE int out = -1, diag = -1, its_out = -1, its_diag = -1;
    pid_t pid;

    if (make_pipe(&out, &its_out, err) == -1 ||
        make_pipe(&diag, &its_diag, err) == -1)
        return -1;
    pid = start_searched(argv, its_out, its_diag, err);
    if (pid == -1)
        return -1;
    if (xk_collect(
            (struct xk_collect[]){{out, limit, output}, {diag, limit, errors}},
            2, pid, argv[0], deadline, err) == 0) {
        xk_process_reap(pid, status);
        return 0;
    }
    xk_process_kill_child(pid);
    return -1;
}
