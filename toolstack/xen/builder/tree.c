/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/builder/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

void
xk_tree_free(struct xk_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        free((void *)(uintptr_t)tree->changes[i].path);
        free((void *)(uintptr_t)tree->changes[i].value);
    }
    free(tree->changes);
    *tree = (struct xk_tree){0};
}

static struct xk_store_change *
add(struct xk_tree *tree, enum xk_store_change_kind kind, const char *base,
    const char *name)
{
    struct xk_store_change *change;

    XK_GROW(tree->changes, tree->count);
    change = &tree->changes[tree->count++];
    *change = (struct xk_store_change){
        .kind = kind,
        .path =
            name != NULL ? xk_asprintf("%s/%s", base, name) : xk_strdup(base),
    };
    return change;
}

void
xk_tree_remove(struct xk_tree *tree, const char *base, const char *name)
{
    add(tree, XK_STORE_REMOVE, base, name);
}

void
xk_tree_write(struct xk_tree *tree, const char *base, const char *name,
              const char *value)
{
    add(tree, XK_STORE_WRITE, base, name)->value = xk_strdup(value);
}

void
xk_tree_printf(struct xk_tree *tree, const char *base, const char *name,
               const char *format, ...)
{
    char value[64]; /* numbers and short words */
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    xk_tree_write(tree, base, name, value);
}

void
xk_tree_guard(struct xk_tree *tree, const char *base, const char *name,
              const struct xk_store_perm *perms, size_t count)
{
    struct xk_store_change *change = add(tree, XK_STORE_PERMS, base, name);

    memcpy(change->perms, perms, count * sizeof(*perms));
    change->perm_count = count;
}

void
xk_tree_make(struct xk_tree *tree, const char *base, const char *name,
             const struct xk_store_perm *perms, size_t count)
{
    add(tree, XK_STORE_MAKE, base, name);
    xk_tree_guard(tree, base, name, perms, count);
}

static int
apply(struct xk_store *store, uint32_t tx, void *context,
      struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_tree *tree = context;

    return xk_store_apply(store, tx, tree->changes, tree->count, deadline, err);
}

int
xk_tree_commit(const struct xk_tree *tree, struct xk_store *store,
               struct xk_deadline deadline, struct xk_error *err)
{
    return xk_store_transact(store, apply, (void *)(uintptr_t)tree, deadline,
                             err);
}
