/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nodes of a frontend at "/f" in a store in memory, for tests of what a
 * backend reads of them. */
#ifndef XK_TESTS_FAKES_FRONT_NODES_H
#define XK_TESTS_FAKES_FRONT_NODES_H

#include "base/deadline.h"
#include "base/error.h"
#include "xenstore-helpers/store.h"

extern struct xk_store *front_store;

/* Of each test. */
int front_nodes_set_up(void **state);
int front_nodes_tear_down(void **state);

struct xk_deadline front_nodes_ample(void);
void front_put(const char *name, const char *value);
/* "" is all of them. */
void front_remove(const char *name);

/* r and err are of a reading that was refused because of a node. */
void front_must_be_refused(int r, const struct xk_error *err, const char *node);

#endif
