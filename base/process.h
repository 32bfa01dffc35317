/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Child processes and processes of others. No shell, ever: argv arrays only.
 * A process is named by pid and start time, because pids are used again.
 */
#ifndef XK_BASE_PROCESS_H
#define XK_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/error.h"

/* Which process: pid and the field starttime of /proc/PID/stat (clock ticks
 * after boot, proc(5)). pid 0: none. */
struct xk_process {
    pid_t pid;
    uint64_t start_ticks;
};

/* What /proc/PID/stat says. */
struct xk_process_stat {
    char state; /* 'R', 'S', 'Z', ... */
    uint64_t start_ticks;
    uint64_t cpu_ticks; /* user + system, of all threads */
    uint64_t resident_bytes;
};

/* 0, or -1 with errno ESRCH where there is no such process. */
int xk_process_read_stat(pid_t pid, struct xk_process_stat *stat);

/* The calling process, or another. False if it does not exist. */
bool xk_process_identify(pid_t pid, struct xk_process *process);

/* True while that very process has not ended: with the last of its threads, not
 * with its first one, which is a zombie from its own end on. */
bool xk_process_alive(const struct xk_process *process);

/* A pidfd for that very process (never another that has its pid by now), or
 * -1 with errno ESRCH where it is gone. Readable once the process ended. */
int xk_process_open(const struct xk_process *process);

/* Which process, in a file. It is believed, so it must be one that only the
 * caller's user can write, and the process itself cannot. Loading gives
 * XK_ERR_NOT_FOUND where there is no such file. */
int xk_process_save(int dirfd, const char *name,
                    const struct xk_process *process, struct xk_error *err);
int xk_process_load(int dirfd, const char *name, struct xk_process *process,
                    struct xk_error *err);

/* Send a signal to that very process; gone is no error. */
void xk_process_signal(const struct xk_process *process, int signal);

/* SIGKILL it and wait until it is gone; for processes that are not our
 * children. Kind XK_ERR_TIMEOUT at the deadline. */
int xk_process_kill(const struct xk_process *process,
                    struct xk_deadline deadline, struct xk_error *err);

/* Until a child of ours has ended, and reap it: *status is as of waitpid(2).
 * False where it still runs at the deadline. */
bool xk_process_await_child(pid_t pid, int *status,
                            struct xk_deadline deadline);

/* SIGKILL a child of ours and reap it. Where it waits in the kernel, for a
 * device or a file system, and is still there after 2 s, it is left: it is
 * reaped by whoever adopts it when we have ended. */
void xk_process_kill_child(pid_t pid);

/* Run a program to its end and collect at most `limit` bytes of its standard
 * output and, apart, of its standard error. argv[0] is searched in PATH.
 * stdin is /dev/null. The program is killed at the deadline, as above.
 * *status is as of waitpid(2). Kind XK_ERR_HOST where it is not installed. */
int xk_process_run(const char *const *argv, size_t limit, struct xk_buf *output,
                   struct xk_buf *errors, struct xk_deadline deadline,
                   int *status, struct xk_error *err);

#endif
