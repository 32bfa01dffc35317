/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The target of a move: toolstack/migration/migrate.h has the order. */
#ifndef XK_TOOLSTACK_MIGRATION_RECEIVE_H
#define XK_TOOLSTACK_MIGRATION_RECEIVE_H

#include "toolstack/host_drivers.h"

/* Serve one connection of a source, on two descriptors that the source is at
 * the other ends of. *name (may be NULL): the domain that came, the caller's;
 * NULL if the source only asked something. */
int xk_migrate_receive(struct xk_host *host, int in_fd, int out_fd, char **name,
                       struct xk_error *err);

#endif
