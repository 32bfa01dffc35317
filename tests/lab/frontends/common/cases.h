/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named cases, each with the verdict that it must end with. */
#ifndef XK_TESTS_LAB_FRONTENDS_COMMON_CASES_H
#define XK_TESTS_LAB_FRONTENDS_COMMON_CASES_H

#include "tests/lab/frontends/common/loop.h"

struct loop_case {
    const char *name;
    /* What a passed case means: "request failed", "device stopped", ... */
    const char *verdict;
    void (*run)(struct loop_device *device);
    const void *options; /* of the device it gets */
    /* It gets a device that is connected, and leaves it so: the next case may
     * get the same. */
    bool shares;
    const void *argument; /* for run(), by way of loop_case_now */
    /* The device ends by itself, or is ended by run(). */
    bool ends;
};

extern const struct loop_case *loop_case_now;

struct loop_list {
    const char *name; /* several may have the same */
    const struct loop_case *cases;
    const size_t *count;
};

/* The lists of a program; the last one has no name. */
extern const struct loop_list loop_lists[];

#endif
