/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domains of the fake hypervisor in a state directory of a test's own. */
#ifndef XK_TESTS_UNIT_TOOLSTACK_CORE_WORLD_H
#define XK_TESTS_UNIT_TOOLSTACK_CORE_WORLD_H

#include "tests/fakes/fake_hypervisor.h"
#include "toolstack/host_drivers.h"

struct core_world {
    char *scratch;
    char *world; /* the fake's */
    struct xk_host host;
    struct xk_error err; /* of the last call that failed */
};

struct xk_deadline core_soon(void);

/* For cmocka. The second: in a folder of scratch_new(), which is taken. */
int core_setup(void **context);
int core_setup_in(char *scratch, void **context);
int core_teardown(void **context);

/* As the next verb does. */
int core_open_host(struct core_world *f);
void core_reopen(struct core_world *f);

/* The caller's. more: lines of the file. */
struct xk_domain_config *core_config_of(const char *name, const char *more);

/* What a verb does: 0, or -1 with f->err. */
int core_create(struct core_world *f, const char *name, const char *more);
int core_destroy(struct core_world *f, const char *name);
int core_apply(struct core_world *f, const char *name);

/* It must be there; the caller's. */
struct xk_domain core_find(struct core_world *f, const char *name);

/* The guest stops by itself. */
void core_stop(struct core_world *f, const char *name,
               enum xk_stop_reason reason);

void core_assert_state(struct core_world *f, const char *name,
                       enum xk_domain_state state);
void core_assert_nothing_left(struct core_world *f);

#endif
