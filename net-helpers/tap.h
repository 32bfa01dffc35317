/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TAP devices of the host. A TAP exists as long as a descriptor of it is open:
 * it disappears with the process that holds it, so nothing needs to be undone.
 */
#ifndef XK_NET_HELPERS_TAP_H
#define XK_NET_HELPERS_TAP_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/process.h"

/* Returns true if the calling process may make a TAP and put it on a bridge. */
bool xk_tap_allowed(void);

/* Make the TAP `name` of `count` queues, set its MTU (0: that of the bridge, or
 * the usual one), put it on the bridge and bring it up; without a bridge (NULL)
 * it stays down. fds receives a descriptor of each queue, which the caller
 * closes. XK_ERR_EXISTS if a network device has that name, XK_ERR_CONFIG if
 * none can have it: a name is never cut off. */
int xk_tap_create(const char *name, const char *bridge, unsigned mtu, int *fds,
                  unsigned count, struct xk_deadline deadline,
                  struct xk_error *err);

/* Called with the name of a TAP; return -1 to stop. */
typedef int xk_tap_visit(const char *name, void *context, struct xk_error *err);

/* Call visit() for each TAP descriptor that the process holds. Visits nothing
 * if the process is gone or in another network namespace. */
int xk_tap_visit_held(const struct xk_process *process, xk_tap_visit *visit,
                      void *context, struct xk_error *err);

/* Write the name of the TAP that a descriptor of the process refers to. False
 * if it refers to none, or the process is gone or in another namespace. */
#define XK_TAP_NAME_SIZE 16
bool xk_tap_behind(const struct xk_process *process, int fd,
                   char name[XK_TAP_NAME_SIZE]);

/* Take the TAP `name` off its bridge, take it down and rename it to `aside`.
 * The process that holds it keeps it. Succeeds if no device has the name. */
int xk_tap_set_aside(const char *name, const char *aside,
                     struct xk_deadline deadline, struct xk_error *err);

#endif
