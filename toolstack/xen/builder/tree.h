/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collects changes of xenstore to carry them out in one transaction. A zeroed
 * struct is empty. */
#ifndef XK_TOOLSTACK_XEN_BUILDER_TREE_H
#define XK_TOOLSTACK_XEN_BUILDER_TREE_H

#include "xenstore-helpers/store.h"

struct xk_tree {
    struct xk_store_change *changes;
    size_t count;
};

void xk_tree_free(struct xk_tree *tree);
#define XK_CLEANUP_TREE __attribute__((cleanup(xk_tree_free)))

/* Each adds a change of node base/name, or of base itself if name is NULL. */
void xk_tree_remove(struct xk_tree *tree, const char *base, const char *name);
void xk_tree_write(struct xk_tree *tree, const char *base, const char *name,
                   const char *value);
void xk_tree_printf(struct xk_tree *tree, const char *base, const char *name,
                    const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* make() creates the node; both set its permissions. perms has 1 or 2 rows. */
void xk_tree_make(struct xk_tree *tree, const char *base, const char *name,
                  const struct xk_store_perm *perms, size_t count);
void xk_tree_guard(struct xk_tree *tree, const char *base, const char *name,
                   const struct xk_store_perm *perms, size_t count);

/* Carry out all changes in their order, or none. */
int xk_tree_commit(const struct xk_tree *tree, struct xk_store *store,
                   struct xk_deadline deadline, struct xk_error *err);

#endif
