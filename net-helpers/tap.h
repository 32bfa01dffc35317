/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TAP devices of the host. A TAP lives as long as a descriptor of it is open:
 * it goes with the process that has it, so nothing need be undone.
 */
#ifndef XK_NET_HELPERS_TAP_H
#define XK_NET_HELPERS_TAP_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/process.h"

/* Whether the calling process may make a TAP and put it on a bridge. */
bool xk_tap_allowed(void);

/* Make the TAP `name`, put it on the bridge, set its MTU (0: that of the
 * bridge) and bring it up. XK_ERR_EXISTS where a network device of that name
 * exists. Returns its descriptor. */
int xk_tap_create(const char *name, const char *bridge, unsigned mtu,
                  struct xk_deadline deadline, struct xk_error *err);

/* Called with the name of a TAP; -1 ends the walk. */
typedef int xk_tap_visit(const char *name, void *context, struct xk_error *err);

/* Call visit for each descriptor of a TAP that the process has. Visits nothing
 * where the process is gone or is in another network namespace. */
int xk_tap_visit_held(const struct xk_process *process, xk_tap_visit *visit,
                      void *context, struct xk_error *err);

/* Take the TAP `name` off its bridge and down, and call it `aside`. Whoever
 * has it keeps it. Succeeds where no device has the name. */
int xk_tap_set_aside(const char *name, const char *aside,
                     struct xk_deadline deadline, struct xk_error *err);

#endif
