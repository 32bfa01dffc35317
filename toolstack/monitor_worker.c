/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/monitor_worker.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/process.h"
#include "base/spawn.h"
#include "toolstack/monitor_start.h"

struct xk_worker {
    pid_t pid;
    ev_io io;                                 /* its pidfd */
    void (*ended)(void *context, int status); /* NULL: disowned */
    void *context;
};

static void
worker_ended(struct ev_loop *loop, ev_io *io, int events)
{
    struct xk_worker *worker = io->data;
    int status = -1;

    (void)events;
    xk_process_reap(worker->pid, &status);
    ev_io_stop(loop, io);
    close(io->fd);
    if (worker->ended != NULL)
        worker->ended(worker->context, status);
    free(worker);
}

/* The workers of a monitor that nohup(1) started ignore SIGHUP too. */
static pid_t
spawn_worker(const char *program, const char *hypervisor, const char *uuid,
             struct xk_error *err)
{
    const char *const argv[] = {
        program, "-v", "--hypervisor", hypervisor, XK_VERB_WORKER, uuid, NULL};
    const struct xk_spawn spawn = {.argv = argv, .keep_ignored = true};

    return xk_spawn(&spawn, err);
}

/* Start a worker. Returns its pidfd, or -1. */
static int
start_worker(const char *program, const char *hypervisor, const char *uuid,
             pid_t *pid, struct xk_error *err)
{
    int fd;

    *pid = spawn_worker(program, hypervisor, uuid, err);
    if (*pid == -1)
        return -1;
    fd = (int)syscall(SYS_pidfd_open, *pid, 0);
    if (fd == -1) {
        xk_fail_errno(err, "pidfd_open");
        kill(*pid, SIGKILL); /* our child, not reaped yet: its pid is not reused
                              */
        xk_process_reap(*pid, NULL);
    }
    return fd;
}

struct xk_worker *
xk_worker_start(struct ev_loop *loop, const char *program,
                const char *hypervisor, const struct xk_uuid *uuid,
                void (*ended)(void *context, int status), void *context,
                struct xk_error *err)
{
    struct xk_worker *worker;
    char text[XK_UUID_TEXT_SIZE];
    pid_t pid;
    int fd;

    xk_uuid_format(uuid, text);
    fd = start_worker(program, hypervisor, text, &pid, err);
    if (fd == -1) {
        xk_wrap(err, "start a worker for domain %s", text);
        return NULL;
    }
    worker = XK_NEW(struct xk_worker);
    worker->pid = pid;
    worker->ended = ended;
    worker->context = context;
    ev_io_init(&worker->io, worker_ended, fd, EV_READ);
    worker->io.data = worker;
    ev_io_start(loop, &worker->io);
    return worker;
}

void
xk_worker_disown(struct xk_worker *worker)
{
    if (worker != NULL)
        worker->ended = NULL;
}
