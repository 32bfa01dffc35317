/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/run.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/collect.h"
#include "base/process.h"
#include "base/spawn.h"
#include "base/util.h"

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
    XK_CLEANUP_CLOSE int ours = -1;
    struct xk_collect collect = {.limit = limit, .to = output};
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) == -1)
        return xk_fail_errno(err, "pipe");
    ours = ends[0];
    pid = start(argv, environment, ends[1], err);
    close(ends[1]);
    if (pid == -1)
        return -1;
    collect.fd = ours;
    if (xk_collect(&collect, 1, pid, argv[0], deadline, err) == 0) {
        xk_process_reap(pid, status);
        return 0;
    }
    kill(-pid, SIGKILL); /* it leads the group of its session */
    xk_process_kill_child(pid);
    return -1;
}
