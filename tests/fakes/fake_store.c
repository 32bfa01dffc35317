/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/fake_store.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "xenstore-helpers/queue.h"

struct node {
    char *path;
    struct xk_buf value;
};

struct tree {
    struct node *nodes;
    size_t count;
    unsigned generation;
};

struct watch {
    char *path;
    char *token;
};

/* One transaction at a time is enough, because a store has one thread. */
struct fake {
    struct xk_store store;
    struct tree tree;
    struct tree copy;
    bool in_transaction;
    struct watch *watches;
    size_t watch_count;
    struct xk_store_queue events;
    int event_fd;
    unsigned operations;
    unsigned fail_at;
    enum xk_error_kind fail_kind;
    unsigned conflicts;
    int delay_ms;
};

static struct fake *
of(struct xk_store *store)
{
    return (struct fake *)store;
}

static int
enter(struct fake *fake, struct xk_deadline deadline, struct xk_error *err)
{
    int left = xk_deadline_left_ms(deadline);

    fake->operations++;
    if (fake->delay_ms > 0)
        poll(NULL, 0, fake->delay_ms < left ? fake->delay_ms : left);
    if (fake->delay_ms > left)
        return xk_fail(err, XK_ERR_TIMEOUT, "xenstored did not answer in time");
    if (fake->operations == fake->fail_at)
        return xk_fail(err, fake->fail_kind, "the fake store was told to fail");
    return 0;
}

static struct tree *
tree_of(struct fake *fake, uint32_t tx)
{
    return tx == XK_STORE_NO_TX ? &fake->tree : &fake->copy;
}

static void
tree_clear(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        free(tree->nodes[i].path);
        xk_buf_free(&tree->nodes[i].value);
    }
    free(tree->nodes);
    *tree = (struct tree){0};
}

static struct node *
find(struct tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (strcmp(tree->nodes[i].path, path) == 0)
            return &tree->nodes[i];
    }
    return NULL;
}

static struct node *
find_or_add(struct tree *tree, const char *path, size_t length)
{
    char *name = xk_strndup(path, length);
    struct node *node = find(tree, name);

    if (node == NULL) {
        XK_GROW(tree->nodes, tree->count);
        node = &tree->nodes[tree->count++];
        node->path = xk_strdup(name);
    }
    free(name);
    return node;
}

static struct node *
add_with_parents(struct tree *tree, const char *path)
{
    for (const char *p = strchr(path + 1, '/'); p != NULL;
         p = strchr(p + 1, '/'))
        find_or_add(tree, path, (size_t)(p - path));
    return find_or_add(tree, path, strlen(path));
}

static bool
is_below(const char *path, const char *top)
{
    size_t length = strlen(top);

    return strncmp(path, top, length) == 0 &&
           (path[length] == '\0' || path[length] == '/');
}

static void
fire(struct fake *fake, const char *path)
{
    fake->tree.generation++;
    for (size_t i = 0; i < fake->watch_count; i++) {
        if (is_below(path, fake->watches[i].path)) {
            xk_store_queue_add(&fake->events, path, fake->watches[i].token);
            eventfd_write(fake->event_fd, 1);
        }
    }
}

static void
changed(struct fake *fake, uint32_t tx, const char *path)
{
    if (tx == XK_STORE_NO_TX)
        fire(fake, path);
}

static int
missing(const char *path, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_NOT_FOUND, "xenstore: %s is not there", path);
}

static int
fake_read(struct xk_store *store, uint32_t tx, const char *path,
          struct xk_buf *value, struct xk_deadline deadline,
          struct xk_error *err)
{
    struct node *node;

    if (enter(of(store), deadline, err) == -1)
        return -1;
    node = find(tree_of(of(store), tx), path);
    if (node == NULL)
        return missing(path, err);
    if (node->value.length > 0)
        xk_buf_append(value, node->value.data, node->value.length);
    return 0;
}

static int
fake_list(struct xk_store *store, uint32_t tx, const char *path,
          struct xk_store_names *names, struct xk_deadline deadline,
          struct xk_error *err)
{
    struct tree *tree = tree_of(of(store), tx);
    size_t length = strlen(path);

    if (enter(of(store), deadline, err) == -1)
        return -1;
    if (find(tree, path) == NULL)
        return missing(path, err);
    for (size_t i = 0; i < tree->count; i++) {
        const char *child = tree->nodes[i].path;

        if (strncmp(child, path, length) != 0 || child[length] != '/' ||
            strchr(child + length + 1, '/') != NULL)
            continue;
        XK_GROW(names->items, names->count);
        names->items[names->count++] = xk_strdup(child + length + 1);
    }
    return 0;
}

static int
fake_write(struct xk_store *store, uint32_t tx, const char *path,
           const void *data, size_t length, struct xk_deadline deadline,
           struct xk_error *err)
{
    struct node *node;

    if (enter(of(store), deadline, err) == -1)
        return -1;
    node = add_with_parents(tree_of(of(store), tx), path);
    xk_buf_free(&node->value);
    xk_buf_append(&node->value, data, length);
    changed(of(store), tx, path);
    return 0;
}

static int
fake_make(struct xk_store *store, uint32_t tx, const char *path,
          struct xk_deadline deadline, struct xk_error *err)
{
    if (enter(of(store), deadline, err) == -1)
        return -1;
    add_with_parents(tree_of(of(store), tx), path);
    changed(of(store), tx, path);
    return 0;
}

static int
fake_remove(struct xk_store *store, uint32_t tx, const char *path,
            struct xk_deadline deadline, struct xk_error *err)
{
    struct tree *tree = tree_of(of(store), tx);
    size_t kept = 0;

    if (enter(of(store), deadline, err) == -1)
        return -1;
    if (find(tree, path) == NULL)
        return missing(path, err);
    for (size_t i = 0; i < tree->count; i++) {
        if (is_below(tree->nodes[i].path, path)) {
            free(tree->nodes[i].path);
            xk_buf_free(&tree->nodes[i].value);
        } else {
            tree->nodes[kept++] = tree->nodes[i];
        }
    }
    tree->count = kept;
    changed(of(store), tx, path);
    return 0;
}

static int
fake_set_perms(struct xk_store *store, uint32_t tx, const char *path,
               const struct xk_store_perm *perms, size_t count,
               struct xk_deadline deadline, struct xk_error *err)
{
    (void)perms;
    (void)count;
    if (enter(of(store), deadline, err) == -1)
        return -1;
    return find(tree_of(of(store), tx), path) == NULL ? missing(path, err) : 0;
}

static int
fake_begin(struct xk_store *store, uint32_t *tx, struct xk_deadline deadline,
           struct xk_error *err)
{
    struct fake *fake = of(store);

    if (enter(fake, deadline, err) == -1)
        return -1;
    tree_clear(&fake->copy);
    for (size_t i = 0; i < fake->tree.count; i++) {
        struct node *from = &fake->tree.nodes[i];
        struct node *to =
            find_or_add(&fake->copy, from->path, strlen(from->path));

        if (from->value.length > 0)
            xk_buf_append(&to->value, from->value.data, from->value.length);
    }
    fake->copy.generation = fake->tree.generation;
    *tx = 1;
    return 0;
}

static int
fake_end(struct xk_store *store, uint32_t tx, bool commit,
         struct xk_deadline deadline, struct xk_error *err)
{
    struct fake *fake = of(store);
    struct tree old = fake->tree;

    (void)tx;
    if (enter(fake, deadline, err) == -1)
        return -1;
    if (!commit)
        return XK_STORE_DONE;
    if (fake->conflicts > 0) {
        fake->conflicts--;
        return XK_STORE_CONFLICT;
    }
    if (fake->copy.generation != fake->tree.generation)
        return XK_STORE_CONFLICT;
    fake->tree = fake->copy;
    fake->copy = (struct tree){0};
    for (size_t i = 0; i < fake->tree.count; i++) {
        struct node *now = &fake->tree.nodes[i], *then = find(&old, now->path);

        if (then == NULL || then->value.length != now->value.length ||
            (now->value.length > 0 &&
             memcmp(then->value.data, now->value.data, now->value.length) != 0))
            fire(fake, now->path);
    }
    for (size_t i = 0; i < old.count; i++) {
        if (find(&fake->tree, old.nodes[i].path) == NULL)
            fire(fake, old.nodes[i].path);
    }
    tree_clear(&old);
    return XK_STORE_DONE;
}

static int
fake_watch(struct xk_store *store, const char *path, const char *token,
           struct xk_deadline deadline, struct xk_error *err)
{
    struct fake *fake = of(store);

    if (enter(fake, deadline, err) == -1)
        return -1;
    XK_GROW(fake->watches, fake->watch_count);
    fake->watches[fake->watch_count++] =
        (struct watch){xk_strdup(path), xk_strdup(token)};
    xk_store_queue_add(&fake->events, path, token);
    eventfd_write(fake->event_fd, 1);
    return 0;
}

static int
fake_unwatch(struct xk_store *store, const char *path, const char *token,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct fake *fake = of(store);

    if (enter(fake, deadline, err) == -1)
        return -1;
    xk_store_queue_forget(&fake->events, token);
    for (size_t i = 0; i < fake->watch_count; i++) {
        struct watch *watch = &fake->watches[i];

        if (strcmp(watch->path, path) != 0 || strcmp(watch->token, token) != 0)
            continue;
        free(watch->path);
        free(watch->token);
        *watch = fake->watches[--fake->watch_count];
        return 0;
    }
    return missing(path, err);
}

static int
fake_next_event(struct xk_store *store, struct xk_store_event *event,
                struct xk_error *err)
{
    eventfd_t ignored;

    (void)err;
    eventfd_read(of(store)->event_fd, &ignored);
    return xk_store_queue_take(&of(store)->events, event);
}

static int
fake_fd(const struct xk_store *store)
{
    return ((const struct fake *)store)->event_fd;
}

static void
fake_close(struct xk_store *store)
{
    struct fake *fake = of(store);

    for (size_t i = 0; i < fake->watch_count; i++) {
        free(fake->watches[i].path);
        free(fake->watches[i].token);
    }
    free(fake->watches);
    tree_clear(&fake->tree);
    tree_clear(&fake->copy);
    xk_store_queue_free(&fake->events);
    close(fake->event_fd);
    free(fake);
}

static const struct xk_store_ops ops = {
    .read = fake_read,
    .list = fake_list,
    .write = fake_write,
    .make = fake_make,
    .remove = fake_remove,
    .set_perms = fake_set_perms,
    .begin = fake_begin,
    .end = fake_end,
    .watch = fake_watch,
    .unwatch = fake_unwatch,
    .next_event = fake_next_event,
    .fd = fake_fd,
    .close = fake_close,
};

struct xk_store *
fake_store_new(void)
{
    struct fake *fake = XK_NEW(struct fake);

    fake->store.ops = &ops;
    fake->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return &fake->store;
}

void
fake_store_fail(struct xk_store *store, unsigned nth, enum xk_error_kind kind)
{
    of(store)->fail_at = nth == 0 ? 0 : of(store)->operations + nth;
    of(store)->fail_kind = kind;
}

void
fake_store_conflict(struct xk_store *store, unsigned count)
{
    of(store)->conflicts = count;
}

void
fake_store_delay(struct xk_store *store, int ms)
{
    of(store)->delay_ms = ms;
}

unsigned
fake_store_operations(const struct xk_store *store)
{
    return ((const struct fake *)store)->operations;
}
