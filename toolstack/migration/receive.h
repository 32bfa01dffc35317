/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The target's side of a move. The order of frames is in
 * toolstack/migration/migrate.h. */
#ifndef XK_TOOLSTACK_MIGRATION_RECEIVE_H
#define XK_TOOLSTACK_MIGRATION_RECEIVE_H

#include "toolstack/host_drivers.h"

/* Serve one connection of a source, whose two descriptors lead to it. *name
 * (may be NULL, owned by the caller) is the domain received; NULL if the source
 * only asked a question. */
int xk_migrate_receive(struct xk_host *host, int in_fd, int out_fd, char **name,
                       struct xk_error *err);

#endif
