/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection between two hosts that harms one frame, once. */
#ifndef XK_TESTS_FAKES_FAULTY_WAY_H
#define XK_TESTS_FAKES_FAULTY_WAY_H

#include <stdbool.h>
#include <sys/types.h>

enum way_fault {
    WAY_SOUND,
    WAY_CUT,         /* both directions are closed before the frame */
    WAY_CUT_AMID,    /* they are closed after half of the frame */
    WAY_CUT_AFTER,   /* they are closed after the frame */
    WAY_CHANGE_HEAD, /* one bit of its header is flipped */
    WAY_CHANGE_BODY, /* one bit of its end is flipped */
    WAY_REPEAT,      /* the frame arrives twice */
    WAY_SWALLOW,     /* it and all later frames are lost, in both directions */
    WAY_KILL_TARGET,
    WAY_KILL_SOURCE,
    WAY_STOP_TARGET, /* the frame is the last; `once` holds the target's pid for
                        the process that continues it */
    WAY_STOP_SOURCE,
    WAY_FAULTS,
};

struct faulty_way {
    bool from_target; /* the direction of the frame */
    unsigned index;   /* the frame's number in it, from 0 */
    enum way_fault fault;
    const char *once; /* a file made when the fault happens; as long as it
                         exists there is no fault */
    pid_t source;     /* for WAY_KILL_SOURCE and WAY_STOP_SOURCE */
};

/* Carry frames between the source, on standard input and output, and a child
 * that runs target() on a pair of descriptors, until one of the two ends. */
void faulty_way_run(const struct faulty_way *way,
                    int (*target)(int in_fd, int out_fd, void *context),
                    void *context);

#endif
