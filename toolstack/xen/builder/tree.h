/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of the store below one node, gathered to be carried out in one
 * transaction. A zeroed struct is an empty one. */
#ifndef XK_TOOLSTACK_XEN_BUILDER_TREE_H
#define XK_TOOLSTACK_XEN_BUILDER_TREE_H

#include "xenstore-helpers/store.h"

struct xk_tree {
    struct xk_store_change *changes;
    size_t count;
};

void xk_tree_free(struct xk_tree *tree);
#define XK_CLEANUP_TREE __attribute__((cleanup(xk_tree_free)))

/* Node `name` of base, or base itself where name is NULL. */
void xk_tree_remove(struct xk_tree *tree, const char *base, const char *name);
void xk_tree_write(struct xk_tree *tree, const char *base, const char *name,
                   const char *value);
void xk_tree_printf(struct xk_tree *tree, const char *base, const char *name,
                    const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Only who is named there may do what is said; perms has 1 or 2 rows. */
void xk_tree_make(struct xk_tree *tree, const char *base, const char *name,
                  const struct xk_store_perm *perms, size_t count);
void xk_tree_guard(struct xk_tree *tree, const char *base, const char *name,
                   const struct xk_store_perm *perms, size_t count);

/* Carry all out, in their order, or nothing. */
int xk_tree_commit(const struct xk_tree *tree, struct xk_store *store,
                   struct xk_deadline deadline, struct xk_error *err);

#endif
