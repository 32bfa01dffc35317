/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Start a program as a process of its own, from fork to exec.
 *
 * For a program that is given by its path and needs something done between fork
 * and exec. To search a program in PATH and run it to its end, use
 * xk_process_run().
 */
#ifndef XK_BASE_SPAWN_H
#define XK_BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

enum {
    XK_SPAWN_FAILED = 126, /* exit status if the program could not be run */
};

struct xk_spawn_fd {
    int from;         /* our descriptor; it stays open here */
    int to;           /* its number in the program */
    const char *what; /* "its log", for errors */
};

/* What to start and how. In the program all signals have their default action
 * and none is blocked; keep_ignored changes that. */
struct xk_spawn {
    const char *const *argv;        /* ended by NULL; argv[0] is a path */
    const char *const *environment; /* ended by NULL; NULL: ours */
    const char *directory;          /* working directory; NULL: ours */
    const struct xk_spawn_fd *fds;  /* in any order; each `to` once */
    size_t fd_count;
    bool no_input;     /* its standard input is /dev/null */
    bool close_others; /* above 2 it has only its fds; else it also inherits our
                          descriptors without O_CLOEXEC */
    bool session;      /* a session of its own: no terminal signals it */
    bool orphan;       /* a child of init: it outlives us, we do not reap it */
    bool dies_with_us; /* it is killed when the calling thread ends */
    bool keep_ignored; /* signals that we ignore stay ignored, as nohup(1)
                          needs */
    bool await;        /* return once the program runs, or with its error */

    /* Called in the new process, in its session, with all our descriptors open,
     * before directory and fds are set. Its error is only reported with await.
     * NULL: nothing to do. */
    int (*prepare)(void *context, struct xk_error *err);
    void *context;
};

/* Start the program. Returns the child's pid, which the caller reaps, or 0 for
 * an orphan; -1: nothing runs, unless the process between us and an orphan was
 * killed. If the caller has several threads, prepare() may only make
 * async-signal-safe calls (signal-safety(7)). */
pid_t xk_spawn(const struct xk_spawn *spawn, struct xk_error *err);

#endif
