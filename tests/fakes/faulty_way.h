/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A way between two hosts that does something to one frame, once. */
#ifndef XK_TESTS_FAKES_FAULTY_WAY_H
#define XK_TESTS_FAKES_FAULTY_WAY_H

#include <stdbool.h>
#include <sys/types.h>

enum way_fault {
    WAY_SOUND,
    WAY_CUT,         /* both ways are closed before the frame */
    WAY_CUT_AMID,    /* half of it passes */
    WAY_CUT_AFTER,   /* all of it */
    WAY_CHANGE_HEAD, /* a bit of its header is another one */
    WAY_CHANGE_BODY, /* of its end */
    WAY_REPEAT,      /* it comes twice */
    WAY_SWALLOW,     /* it and all after it never arrive, either way */
    WAY_KILL_TARGET,
    WAY_KILL_SOURCE,
    WAY_STOP_TARGET, /* and the frame is the last; who sees to it that it goes
                        on finds it in `once` */
    WAY_STOP_SOURCE,
    WAY_FAULTS,
};

struct faulty_way {
    bool from_target; /* which direction's frames are counted */
    unsigned index;   /* which one, from 0 */
    enum way_fault fault;
    const char *once; /* a file that is made when it is done; while it is there,
                         the way is sound */
    pid_t source;     /* for WAY_KILL_SOURCE and WAY_STOP_SOURCE */
};

/* Carry frames between standard input and output, where the source is, and a
 * process that runs target(context) on such descriptors of its own, until one
 * of them ends. */
void faulty_way_run(const struct faulty_way *way,
                    int (*target)(int in_fd, int out_fd, void *context),
                    void *context);

#endif
