/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program becomes a process of its own: from fork to exec.
 *
 * For programs that are given by path and need something done in between. One
 * that is looked for in PATH, and run to its end, is for xk_process_run().
 */
#ifndef XK_BASE_SPAWN_H
#define XK_BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

enum {
    XK_SPAWN_FAILED = 126, /* exit status of a child that ran no program */
};

struct xk_spawn_fd {
    int from;         /* ours; stays open here */
    int to;           /* its number in the program */
    const char *what; /* "its log", for errors */
};

/* What to start and how. Signals are as they are by default and none is
 * blocked, unless keep_ignored is set. */
struct xk_spawn {
    const char *const *argv;        /* ended by NULL; argv[0] is a path */
    const char *const *environment; /* ended by NULL; NULL: ours */
    const char *directory;          /* where it works; NULL: where we do */
    const struct xk_spawn_fd *fds;  /* in any order; no `to` twice */
    size_t fd_count;
    bool no_input;     /* its standard input is /dev/null */
    bool close_others; /* above 2 it has its fds only; else it also has what we
                          have open without O_CLOEXEC */
    bool session;      /* a session of its own: no terminal signals it */
    bool orphan;       /* a child of init's: it outlives us and is not reaped */
    bool dies_with_us; /* it is killed when the calling thread ends */
    bool keep_ignored; /* signals that we ignore stay so, as nohup(1) wants */
    bool await;        /* return once the program runs, or its error */

    /* Called in the new process, in its session, with all that we have open,
     * before directory and fds. Its error is reported with await only. NULL:
     * nothing to do. */
    int (*prepare)(void *context, struct xk_error *err);
    void *context;
};

/* Start it. Returns the child's pid, which the caller reaps, or 0 for an
 * orphan; -1: nothing runs. Where the process has more threads than one,
 * prepare may make async-signal-safe calls only (signal-safety(7)). */
pid_t xk_spawn(const struct xk_spawn *spawn, struct xk_error *err);

#endif
