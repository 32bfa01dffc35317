/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain "a" of a fake hypervisor, to be edited; edits may be killed. */
#ifndef XK_TESTS_UNIT_TOOLSTACK_EDIT_WORLD_H
#define XK_TESTS_UNIT_TOOLSTACK_EDIT_WORLD_H

#include "toolstack/hypervisor.h"
#include "toolstack/host.h"

struct fixture {
    char *scratch, *world, *image;
    struct xk_host host;
    struct xk_error err;
};

int edit_setup(void **context);
int edit_teardown(void **context);

struct xk_deadline edit_soon(void);

/* Make another domain, with more lines in its configuration. 0, or -1 with
 * f->err. */
int edit_create(struct fixture *f, const char *name, const char *more);

/* Open the domain "a"; the caller closes it. */
struct xk_domain edit_find(struct fixture *f);

/* Act in a process that is killed before or after the hypervisor's call. */
void edit_kill_amid(struct fixture *f, int (*act)(struct fixture *f),
                    bool after);

/* Open the host anew, as the next verb does. */
void edit_reopen(struct fixture *f);

#endif
