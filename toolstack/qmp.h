/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QMP client: one command at a time, each with a deadline. The peer may hang
 * or send anything: a call ends by its deadline with XK_ERR_TIMEOUT, or with
 * XK_ERR_PROTOCOL, and memory stays bounded. After either error the connection
 * is unusable and every further call fails.
 *
 * QEMU serves one client at a time; the lock of the domain's record serializes
 * ours.
 */
#ifndef XK_TOOLSTACK_QMP_H
#define XK_TOOLSTACK_QMP_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/json.h"

struct xk_qmp;

/* Create a listening unix socket `name` in the directory, for QEMU to inherit.
 * The path may have any length. An existing socket is replaced. */
int xk_qmp_listen(int dirfd, const char *name, struct xk_error *err);

/* Return a socket, owned by the caller, that is connected to the listener of
 * that name. Errors are those of xk_qmp_connect(). */
int xk_qmp_dial(int dirfd, const char *name, struct xk_deadline deadline,
                struct xk_error *err);

/* Connect to the socket `name` in the directory and negotiate. XK_ERR_STATE if
 * nobody listens: QEMU has ended. */
struct xk_qmp *xk_qmp_connect(int dirfd, const char *name,
                              struct xk_deadline deadline,
                              struct xk_error *err);

/* Negotiate on a connected stream socket. Takes ownership of fd in any case. */
struct xk_qmp *xk_qmp_open(int fd, struct xk_deadline deadline,
                           struct xk_error *err);

void xk_qmp_close(struct xk_qmp *qmp);
void xk_qmp_cleanup(struct xk_qmp **qmp);
#define XK_CLEANUP_QMP __attribute__((cleanup(xk_qmp_cleanup)))

/* Execute a command. arguments is the text of a JSON object, or NULL. *result
 * (may be NULL) is the whole answer, owned by the caller; what the command
 * returned is its member "return". If QEMU refuses, the error has QEMU's text
 * and the kind XK_ERR_UNSUPPORTED (no such command), XK_ERR_NOT_FOUND (no such
 * device) or XK_ERR_FAILED, and the connection stays usable. */
int xk_qmp_execute(struct xk_qmp *qmp, const char *command,
                   const char *arguments, struct xk_json **result,
                   struct xk_deadline deadline, struct xk_error *err);

/* Execute a command whose only argument is the string `value` under `key`; else
 * as xk_qmp_execute(). The value may come from QEMU: it is escaped. */
int xk_qmp_execute_with(struct xk_qmp *qmp, const char *command,
                        const char *key, const char *value,
                        struct xk_json **result, struct xk_deadline deadline,
                        struct xk_error *err);

/* Return whether the connection is unusable: the last command was not answered,
 * and whether it had an effect is not known. */
bool xk_qmp_is_broken(const struct xk_qmp *qmp);

/* Pass a descriptor to QEMU under a name, for the next command that needs one.
 * fd stays the caller's. */
int xk_qmp_send_fd(struct xk_qmp *qmp, int fd, const char *name,
                   struct xk_deadline deadline, struct xk_error *err);

/* From now on keep the latest event of this name, for xk_qmp_wait_event(), and
 * drop all other events. Call this before the command that causes the event.
 * The name must outlive the connection. */
void xk_qmp_expect(struct xk_qmp *qmp, const char *event);

/* Wait for the expected event, unless one has already arrived. The caller owns
 * *event (may be NULL). */
int xk_qmp_wait_event(struct xk_qmp *qmp, struct xk_json **event,
                      struct xk_deadline deadline, struct xk_error *err);

/* Wait until QEMU has sent something (returns 1), or until `tick` (returns 0).
 * Unlike the calls above, running out of time leaves the connection usable. */
int xk_qmp_wait_some(struct xk_qmp *qmp, struct xk_deadline tick);

#endif
