/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QMP client: one command at a time, each with a deadline. The peer may hang
 * or send anything: a call ends by its deadline with XK_ERR_TIMEOUT, or with
 * XK_ERR_PROTOCOL, and memory stays bounded. After either error the connection
 * is broken and every further call fails.
 *
 * QEMU serves one client at a time; the lock of the domain's record makes ours
 * take turns.
 */
#ifndef XK_TOOLSTACK_QMP_H
#define XK_TOOLSTACK_QMP_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/json.h"

struct xk_qmp;

/* Create a listening unix socket `name` in the directory, for QEMU to inherit;
 * the path may have any length. An old socket is replaced. */
int xk_qmp_listen(int dirfd, const char *name, struct xk_error *err);

/* Return a socket connected to the listener of that name; the caller closes it.
 * Errors as of xk_qmp_connect(). */
int xk_qmp_dial(int dirfd, const char *name, struct xk_deadline deadline,
                struct xk_error *err);

/* Connect to the socket `name` in the directory and negotiate. XK_ERR_STATE if
 * nobody listens: QEMU is gone. */
struct xk_qmp *xk_qmp_connect(int dirfd, const char *name,
                              struct xk_deadline deadline,
                              struct xk_error *err);

/* Negotiate on a connected stream socket. The connection owns fd, even on
 * failure. */
struct xk_qmp *xk_qmp_open(int fd, struct xk_deadline deadline,
                           struct xk_error *err);

void xk_qmp_close(struct xk_qmp *qmp);
void xk_qmp_cleanup(struct xk_qmp **qmp);
#define XK_CLEANUP_QMP __attribute__((cleanup(xk_qmp_cleanup)))

/* Run a command. arguments is the text of a JSON object, or NULL. *result (may
 * be NULL) is the whole answer, which the caller frees; its member "return" has
 * the command's result. If QEMU refuses, the error has QEMU's text and the kind
 * XK_ERR_UNSUPPORTED (no such command), XK_ERR_NOT_FOUND (no such device) or
 * XK_ERR_FAILED; the connection stays usable. */
int xk_qmp_execute(struct xk_qmp *qmp, const char *command,
                   const char *arguments, struct xk_json **result,
                   struct xk_deadline deadline, struct xk_error *err);

/* Whether the connection is broken: the last command got no answer, and may
 * have had an effect. */
bool xk_qmp_is_broken(const struct xk_qmp *qmp);

/* Give QEMU a copy of fd under a name, for the next command that needs it. */
int xk_qmp_send_fd(struct xk_qmp *qmp, int fd, const char *name,
                   struct xk_deadline deadline, struct xk_error *err);

/* Keep the latest event of this name from now on, for xk_qmp_wait_event();
 * other events are dropped. Call it before the command that causes the event.
 * The name must outlive the connection. */
void xk_qmp_expect(struct xk_qmp *qmp, const char *event);

/* Wait for the expected event, unless it has come already. The caller frees
 * *event (may be NULL). */
int xk_qmp_wait_event(struct xk_qmp *qmp, struct xk_json **event,
                      struct xk_deadline deadline, struct xk_error *err);

/* Wait until QEMU has sent something (1), or until `tick` (0). Unlike the calls
 * above, a timeout does not break the connection. */
int xk_qmp_wait_some(struct xk_qmp *qmp, struct xk_deadline tick);

#endif
