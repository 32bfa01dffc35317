/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain of Xen for a test of its devices: a record, a store in memory, an
 * image of 1 MiB, and a script as xk-backend. The script lies beside the
 * program, which has a folder of its own for that.
 */
#ifndef XK_TESTS_UNIT_TOOLSTACK_XEN_WORLD_H
#define XK_TESTS_UNIT_TOOLSTACK_XEN_WORLD_H

#include "base/error.h"
#include "toolstack/record.h"
#include "toolstack/xen/driver_internal.h"

enum {
    XEN_WORLD_IMAGE_BYTES = 1024 * 1024,
};

struct xen_world {
    char *scratch, *image, *program;
    struct xk_state state;
    struct xk_record *record;
    struct xk_xen xen;
    struct xk_error err;
};

/* world must be all zeros. Returns -1 if the test cannot run; tear it down all
 * the same. */
int xen_world_set_up(struct xen_world *world, const char *script);
void xen_world_tear_down(struct xen_world *world);

/* Fail the test with world->err if r is -1. */
void xen_world_assert_done(const struct xen_world *world, int r);

#endif
