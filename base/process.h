/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Child processes and other processes. There is never a shell: only argv
 * arrays. A process is identified by pid and start time, because pids are
 * reused.
 */
#ifndef XK_BASE_PROCESS_H
#define XK_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/error.h"

/* Identifies a process: its pid and the field starttime of /proc/PID/stat
 * (clock ticks after boot, proc(5)). pid 0: no process. */
struct xk_process {
    pid_t pid;
    uint64_t start_ticks;
};

/* Fields of /proc/PID/stat. */
struct xk_process_stat {
    char state; /* 'R', 'S', 'Z', ... */
    uint64_t start_ticks;
    uint64_t cpu_ticks; /* user + system, of all threads */
    uint64_t resident_bytes;
};

/* Returns 0, or -1 with errno, which is ESRCH if there is no such process. */
int xk_process_read_stat(pid_t pid, struct xk_process_stat *stat);

/* Identify the process that has this pid now, which may be the caller. False if
 * there is none. */
bool xk_process_identify(pid_t pid, struct xk_process *process);

/* Returns true until exactly that process has ended. It ends with its last
 * thread: the first thread is a zombie as soon as it has ended itself. */
bool xk_process_alive(const struct xk_process *process);

/* Returns a pidfd of exactly that process, never of another with the same pid;
 * or -1 with errno, which is ESRCH if the process is gone. The pidfd is
 * readable once the process has ended. */
int xk_process_open(const struct xk_process *process);

/* Save a process's identity in a file, and load it. The loaded identity is
 * trusted, so only the caller's user may be able to write the file, and the
 * process itself must not be. Loading fails with XK_ERR_NOT_FOUND if there is
 * no such file. */
int xk_process_save(int dirfd, const char *name,
                    const struct xk_process *process, struct xk_error *err);
/* The same for the calling process. */
int xk_process_save_self(int dirfd, const char *name, struct xk_error *err);
int xk_process_load(int dirfd, const char *name, struct xk_process *process,
                    struct xk_error *err);

/* Send a signal to exactly that process, if it has not ended. */
void xk_process_signal(const struct xk_process *process, int signal);

/* Kill a process that is not our child with SIGKILL, and wait until it has
 * ended. XK_ERR_TIMEOUT at the deadline. */
int xk_process_kill(const struct xk_process *process,
                    struct xk_deadline deadline, struct xk_error *err);

/* Reap our child, which has ended or is about to end; *status, unless NULL, is
 * as of waitpid(2). It stays as it is if there is no such child. */
void xk_process_reap(pid_t pid, int *status);

/* Wait until our child has ended, and reap it; *status is as of waitpid(2).
 * False if it still runs at the deadline. */
bool xk_process_await_child(pid_t pid, int *status,
                            struct xk_deadline deadline);

/* Kill our child with SIGKILL, and reap it. If it has not ended after 2 s,
 * because it waits in the kernel for a device or a file system, leave it: the
 * process that adopts it when we have ended reaps it. */
void xk_process_kill_child(pid_t pid);

/* Run a program to its end and append at most `limit` bytes each of its
 * standard output and its standard error to the two buffers. argv[0] is
 * searched in PATH; standard input is /dev/null. A child that the program
 * leaves behind is not waited for. At the deadline the program is killed as by
 * xk_process_kill_child(). *status is as of waitpid(2).
 * XK_ERR_HOST if the program is not installed. */
int xk_process_run(const char *const *argv, size_t limit, struct xk_buf *output,
                   struct xk_buf *errors, struct xk_deadline deadline,
                   int *status, struct xk_error *err);

#endif
