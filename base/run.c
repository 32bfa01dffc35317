/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/spawn.h"
#include "base/util.h"

enum {
    CHUNK = 4096,
    LAST_READS = 64 /* a pipe holds no more; a child may print for ever */
};

struct reader {
    int fd; /* non-blocking; -1: at its end */
    size_t limit;
    struct xk_buf *output;
};

/* Read once. False if there is nothing to read. */
static bool
take(struct reader *reader)
{
    char chunk[CHUNK];
    ssize_t got = read(reader->fd, chunk, sizeof(chunk));
    size_t room = reader->limit - reader->output->length;

    if (got > 0) {
        xk_buf_append(reader->output, chunk,
                      (size_t)got < room ? (size_t)got : room);
        return true;
    }
    if (got == 0)
        reader->fd = -1;
    return got == -1 && errno == EINTR;
}

/* Read until the program has ended. A child that it leaves behind may keep the
 * pipe open. False at the deadline. */
static bool
collect(struct reader *reader, int pidfd, struct xk_deadline deadline)
{
    struct pollfd fds[2];

    do {
        if (xk_deadline_left_ms(deadline) == 0)
            return false;
        fds[0] = (struct pollfd){.fd = pidfd, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = reader->fd, .events = POLLIN};
        if (poll(fds, XK_ARRAY_SIZE(fds), xk_deadline_poll_ms(deadline)) <= 0)
            continue;
        if (fds[1].revents != 0)
            (void)take(reader);
    } while (fds[0].revents == 0);
    for (unsigned i = 0; i < LAST_READS && reader->fd != -1 && take(reader);
         i++) {
    }
    return true;
}

static pid_t
start(const char *const *argv, const char *const *environment, int output,
      struct xk_error *err)
{
    const struct xk_spawn_fd fds[] = {{output, STDOUT_FILENO, "a pipe"},
                                      {output, STDERR_FILENO, "a pipe"}};
    const struct xk_spawn spawn = {
        .argv = argv,
        .environment = environment,
        .directory = "/",
        .fds = fds,
        .fd_count = XK_ARRAY_SIZE(fds),
        .no_input = true,
        .close_others = true,
        .session = true,
        .dies_with_us = true,
        .await = true,
    };

    return xk_spawn(&spawn, err);
}

int
xk_run(const char *const *argv, const char *const *environment, size_t limit,
       struct xk_buf *output, struct xk_deadline deadline, int *status,
       struct xk_error *err)
{
    XK_CLEANUP_CLOSE int ours = -1, pidfd = -1;
    struct reader reader = {.limit = output->length + limit, .output = output};
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) == -1)
        return xk_fail_errno(err, "pipe");
    ours = ends[0];
    pid = start(argv, environment, ends[1], err);
    close(ends[1]);
    if (pid == -1)
        return -1;
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    reader.fd = ours;
    if (pidfd != -1 && fcntl(ours, F_SETFL, O_NONBLOCK) == 0 &&
        collect(&reader, pidfd, deadline)) {
        xk_process_reap(pid, status);
        return 0;
    }
    kill(-pid, SIGKILL); /* it leads the group of its session */
    xk_process_kill_child(pid);
    return xk_fail(err, XK_ERR_TIMEOUT, "\"%s\" did not end in time", argv[0]);
}
