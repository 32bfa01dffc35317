/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nodes of a frontend at "/f" in a store in memory, for tests of the
 * functions that read them. */
#ifndef XK_TESTS_FAKES_FRONT_NODES_H
#define XK_TESTS_FAKES_FRONT_NODES_H

#include "base/deadline.h"
#include "base/error.h"
#include "xenstore-helpers/store.h"

extern struct xk_store *front_store;

/* Set up and tear down each test. */
int front_nodes_set_up(void **state);
int front_nodes_tear_down(void **state);

struct xk_deadline front_nodes_ample(void);
void front_put(const char *name, const char *value);
/* Remove a node; "" removes all. */
void front_remove(const char *name);

/* Check that a read returned r and err because of that node. */
void front_must_be_refused(int r, const struct xk_error *err, const char *node);

#endif
