/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"

enum {
    FILES_MAX = 65536
};

/* All that the new process needs. Made before fork, because a child of a
 * process with threads must not allocate. */
struct child {
    const struct xk_spawn *spawn;
    pid_t parent;
    int null_fd;   /* -1: the program inherits our standard input */
    int report_fd; /* receives a struct xk_error on failure; -1: none */
    int *moved;    /* copies of the fds, above all of their `to` numbers */
};

/* ---- in the child ---- */

static int
tie_to_parent(const struct child *child)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* If the parent ended before that call, no signal comes. */
    return getppid() == child->parent ? 0 : -1;
}

/* The program would inherit ignored and blocked signals. */
static void
reset_signals(const struct xk_spawn *spawn)
{
    sigset_t none;

    for (int number = 1; number < NSIG && !spawn->keep_ignored; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
first_free(const struct xk_spawn *spawn)
{
    int first = STDERR_FILENO + 1;

    for (size_t i = 0; i < spawn->fd_count; i++) {
        if (spawn->fds[i].to >= first)
            first = spawn->fds[i].to + 1;
    }
    return first;
}

/* Move descriptors above all `to` numbers first: one may have the number that
 * another is to get. */
static int
move_fds(struct child *child, struct xk_error *err)
{
    const struct xk_spawn *spawn = child->spawn;
    int above = first_free(spawn);

    if (child->report_fd != -1) {
        child->report_fd = fcntl(child->report_fd, F_DUPFD_CLOEXEC, above);
        if (child->report_fd == -1)
            return xk_fail_errno(err, "move a descriptor");
    }
    for (size_t i = 0; i < spawn->fd_count; i++) {
        child->moved[i] = fcntl(spawn->fds[i].from, F_DUPFD_CLOEXEC, above);
        if (child->moved[i] == -1)
            return xk_fail_errno(err, "hand in %s", spawn->fds[i].what);
    }
    return 0;
}

/* Linux before 5.11 has no CLOSE_RANGE_CLOEXEC. */
static int
close_others_one_by_one(struct xk_error *err)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        return xk_fail_errno(err, "getrlimit");
    if (limit.rlim_cur > FILES_MAX)
        limit.rlim_cur = FILES_MAX;
    for (int fd = STDERR_FILENO + 1; fd < (int)limit.rlim_cur; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* fails if it is not open */
    return 0;
}

static int
close_others(struct xk_error *err)
{
    if (close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
        return 0;
    if (errno == EINVAL || errno == ENOSYS)
        return close_others_one_by_one(err);
    return xk_fail_errno(err, "close_range");
}

/* Give each descriptor its number. The copies made by dup2() do not have
 * FD_CLOEXEC, so they stay open in the program. */
static int
place_fds(const struct child *child, struct xk_error *err)
{
    const struct xk_spawn *spawn = child->spawn;

    if (spawn->close_others && close_others(err) == -1)
        return -1;
    if (child->null_fd != -1 && dup2(child->null_fd, STDIN_FILENO) == -1)
        return xk_fail_errno(err, "redirect its input");
    for (size_t i = 0; i < spawn->fd_count; i++) {
        if (dup2(child->moved[i], spawn->fds[i].to) == -1)
            return xk_fail_errno(err, "hand in %s", spawn->fds[i].what);
    }
    return 0;
}

static int
become_program(struct child *child, struct xk_error *err)
{
    const struct xk_spawn *spawn = child->spawn;
    char *const *argv = (char *const *)(uintptr_t)spawn->argv;
    if (spawn->dies_with_us && tie_to_parent(child) == -1)
        return xk_fail(err, XK_ERR_FAILED, "its parent has ended");
    /* Leave the terminal before signals get their default action. */
    if (spawn->session)
        setsid();
    reset_signals(spawn);
    if (spawn->prepare != NULL && spawn->prepare(spawn->context, err) == -1)
        return -1;
    if (spawn->directory != NULL && chdir(spawn->directory) == -1)
        return xk_fail_errno(err, "enter \"%s\"", spawn->directory);
    if (move_fds(child, err) == -1 || place_fds(child, err) == -1)
        return -1;
    /* Read environ only here: prepare() may have changed it. */
    execve(argv[0], argv,
           spawn->environment != NULL
               ? (char *const *)(uintptr_t)spawn->environment
               : environ);
    return xk_fail_errno(err, "run \"%s\"", argv[0]);
}

_Noreturn static void
run_child(struct child *child)
{
    struct xk_error err = {0};

    become_program(child, &err);
    if (child->report_fd != -1)
        (void)xk_write_all(child->report_fd, &err, sizeof(err));
    _exit(XK_SPAWN_FAILED);
}

/* ---- in the parent ---- */

/* Read at most `length` bytes, up to the end of file. Returns how many. */
static size_t
read_up_to(int fd, void *data, size_t length)
{
    size_t have = 0;

    while (have < length) {
        ssize_t got = read(fd, (char *)data + have, length - have);

        if (got == -1 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    return have;
}

static pid_t
fork_child(struct child *child, struct xk_error *err)
{
    pid_t pid = fork();

    if (pid == 0)
        run_child(child);
    return pid == -1 ? xk_fail_errno(err, "fork") : pid;
}

/* The intermediate child, which ends at once. It leaves our session before we
 * go on, so that no signal of our terminal reaches the orphan, which then makes
 * its own session. */
_Noreturn static void
run_intermediate(struct child *child, int result_fd)
{
    int errnum = 0;
    pid_t pid;

    if (child->spawn->session)
        setsid();
    pid = fork();
    if (pid == 0) {
        close(result_fd);
        run_child(child);
    }
    if (pid == -1)
        errnum = errno;
    (void)xk_write_all(result_fd, &errnum, sizeof(errnum));
    _exit(0);
}

/* Fork through an intermediate child. It writes the errno of the second fork to
 * a pipe, because a parent that ignores SIGCHLD never learns an exit status. */
static pid_t
fork_orphan(struct child *child, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int result_fd = -1;
    int ends[2], status, errnum;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) == -1)
        return xk_fail_errno(err, "pipe");
    result_fd = ends[0];
    pid = fork();
    if (pid == 0)
        run_intermediate(child, ends[1]);
    close(ends[1]);
    if (pid == -1)
        return xk_fail_errno(err, "fork");
    if (read_up_to(result_fd, &errnum, sizeof(errnum)) < sizeof(errnum))
        errnum = ECHILD;
    xk_process_reap(pid, &status);
    errno = errnum;
    return errnum == 0 ? 0 : xk_fail_errno(err, "fork");
}

/* Read an error of the child. The other end of the pipe closes when the program
 * runs or the child has ended. */
static int
read_report(int fd, struct xk_error *err)
{
    struct xk_error report;
    size_t have = read_up_to(fd, &report, sizeof(report));

    if (have == 0)
        return 0;
    if (have < sizeof(report))
        return xk_fail(err, XK_ERR_FAILED, "its error report is incomplete");
    if (err != NULL)
        *err = report;
    return -1;
}

static pid_t
start(struct child *child, struct xk_error *err)
{
    return child->spawn->orphan ? fork_orphan(child, err)
                                : fork_child(child, err);
}

static pid_t
start_and_await(struct child *child, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int ours = -1;
    int ends[2], status;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) == -1)
        return xk_fail_errno(err, "pipe");
    ours = ends[0];
    child->report_fd = ends[1];
    pid = start(child, err);
    close(ends[1]);
    if (pid == -1 || read_report(ours, err) == 0)
        return pid;
    if (pid > 0)
        xk_process_reap(pid, &status);
    return -1;
}

pid_t
xk_spawn(const struct xk_spawn *spawn, struct xk_error *err)
{
    XK_CLEANUP_FREE int *moved = xk_calloc(spawn->fd_count + 1, sizeof(*moved));
    XK_CLEANUP_CLOSE int null_fd = -1;
    struct child child = {
        .spawn = spawn, .parent = getpid(), .report_fd = -1, .moved = moved};

    if (spawn->no_input) {
        null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null_fd == -1)
            return xk_fail_errno(err, "open \"/dev/null\"");
    }
    child.null_fd = null_fd;
    return spawn->await ? start_and_await(&child, err) : start(&child, err);
}
