/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QMP client: one command at a time, each with a deadline. The peer may hang
 * or say what it likes: a call ends by its deadline with XK_ERR_TIMEOUT, or
 * with XK_ERR_PROTOCOL, and memory stays bounded. After either the connection
 * is of no use and every further call fails.
 *
 * QEMU serves one client at a time; the lock of the domain's record keeps ours
 * apart.
 */
#ifndef XK_TOOLSTACK_QMP_H
#define XK_TOOLSTACK_QMP_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/json.h"

struct xk_qmp;

/* A listening unix socket `name` in the directory, of any length of path, for
 * QEMU to inherit. An old one is replaced. */
int xk_qmp_listen(int dirfd, const char *name, struct xk_error *err);

/* A connected socket, the caller's, to one that listens by that name; errors as
 * of xk_qmp_connect(). */
int xk_qmp_dial(int dirfd, const char *name, struct xk_deadline deadline,
                struct xk_error *err);

/* Connect to the socket `name` in the directory and negotiate. XK_ERR_STATE
 * where nobody listens: QEMU is gone. */
struct xk_qmp *xk_qmp_connect(int dirfd, const char *name,
                              struct xk_deadline deadline,
                              struct xk_error *err);

/* Negotiate on a connected stream socket, which is taken in any case. */
struct xk_qmp *xk_qmp_open(int fd, struct xk_deadline deadline,
                           struct xk_error *err);

void xk_qmp_close(struct xk_qmp *qmp);
void xk_qmp_cleanup(struct xk_qmp **qmp);
#define XK_CLEANUP_QMP __attribute__((cleanup(xk_qmp_cleanup)))

/* Run a command. arguments is the text of a JSON object, or NULL. *result (may
 * be NULL) is the whole answer, the caller's; what the command returned is its
 * member "return". Where QEMU refuses, the error is what QEMU says, of kind
 * XK_ERR_UNSUPPORTED (it knows no such command), XK_ERR_NOT_FOUND (no such
 * device) or XK_ERR_FAILED; the connection stays of use. */
int xk_qmp_execute(struct xk_qmp *qmp, const char *command,
                   const char *arguments, struct xk_json **result,
                   struct xk_deadline deadline, struct xk_error *err);

/* Whether the connection is of no use any more: the last command had no answer,
 * and whether it had an effect is not known. */
bool xk_qmp_is_broken(const struct xk_qmp *qmp);

/* Give QEMU a descriptor under a name, for the next command that wants one. fd
 * stays the caller's. */
int xk_qmp_send_fd(struct xk_qmp *qmp, int fd, const char *name,
                   struct xk_deadline deadline, struct xk_error *err);

/* Keep the latest event of this name from now on, for xk_qmp_wait_event();
 * other events are dropped. Call it before the command that brings it about.
 * The name must outlive the connection. */
void xk_qmp_expect(struct xk_qmp *qmp, const char *event);

/* Wait for the event expected, unless one has come already. *event (may be
 * NULL) is the caller's. */
int xk_qmp_wait_event(struct xk_qmp *qmp, struct xk_json **event,
                      struct xk_deadline deadline, struct xk_error *err);

/* Wait until something has come from QEMU, or until `tick`: 1, or 0. Unlike
 * the calls above this leaves the connection of use at the end of its time. */
int xk_qmp_wait_some(struct xk_qmp *qmp, struct xk_deadline tick);

#endif
