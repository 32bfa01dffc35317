/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store in memory that fails, conflicts and stalls as a test tells it. */
#ifndef XK_TESTS_FAKES_FAKE_STORE_H
#define XK_TESTS_FAKES_FAKE_STORE_H

#include "xenstore-helpers/store.h"

struct xk_store *fake_store_new(void);

/* Make the `nth` operation from now (1: the next) fail with this kind; 0:
 * none. */
void fake_store_fail(struct xk_store *store, unsigned nth,
                     enum xk_error_kind kind);

/* Make the next `count` commits conflict. */
void fake_store_conflict(struct xk_store *store, unsigned count);

/* Make every operation take this long, or until its deadline. */
void fake_store_delay(struct xk_store *store, int ms);

/* Returns how many operations there were. */
unsigned fake_store_operations(const struct xk_store *store);

#endif
