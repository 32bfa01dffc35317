/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xenstore-helpers/store.h"

#include <poll.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/util.h"

#define NUMBER_MAX 20 /* digits of the largest 64-bit number */

void
xk_store_names_free(struct xk_store_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct xk_store_names){0};
}

void
xk_store_event_free(struct xk_store_event *event)
{
    free(event->path);
    free(event->token);
    *event = (struct xk_store_event){0};
}

void
xk_store_close(struct xk_store *store)
{
    if (store != NULL)
        store->ops->close(store);
}

void
xk_store_cleanup(struct xk_store **store)
{
    xk_store_close(*store);
    *store = NULL;
}

/* The characters that xenstored accepts in a path. */
static bool
is_path_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c != '\0' && strchr("-/_@", c) != NULL);
}

static bool
is_path(const char *path)
{
    size_t length = strnlen(path, XK_STORE_PATH_MAX + 1);

    if (length == 0 || length > XK_STORE_PATH_MAX || path[0] != '/')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_path_char(path[i]) || (path[i] == '/' && path[i + 1] == '/'))
            return false;
    }
    return length == 1 || path[length - 1] != '/';
}

static int
check_path(const char *path, struct xk_error *err)
{
    if (is_path(path))
        return 0;
    return xk_fail(err, XK_ERR_USAGE, "\"%.200s\" is not a path of xenstore",
                   path);
}

static int
check_watch(const char *path, const char *token, struct xk_error *err)
{
    if (strcmp(path, "@introduceDomain") != 0 &&
        strcmp(path, "@releaseDomain") != 0 && check_path(path, err) == -1)
        return -1;
    if (token[0] == '\0' ||
        strlen(path) + strlen(token) + 2 > XK_STORE_VALUE_MAX)
        return xk_fail(err, XK_ERR_USAGE,
                       "the token of a watch is empty or too long");
    return 0;
}

/* Check a value's length: anybody may have written it, also a guest. */
static int
check_length(const char *path, size_t max, const struct xk_buf *value,
             struct xk_error *err)
{
    if (value->length <= max)
        return 0;
    return xk_fail(err, XK_ERR_PROTOCOL, "%s holds %zu bytes, more than %zu",
                   path, value->length, max);
}

static int
check_value(const char *path, size_t max, const struct xk_buf *value,
            struct xk_error *err)
{
    if (check_length(path, max, value, err) == -1)
        return -1;
    if (value->length > 0 && memchr(value->data, '\0', value->length) != NULL)
        return xk_fail(err, XK_ERR_PROTOCOL, "%s holds a NUL", path);
    return 0;
}

static int
read_checked(struct xk_store *store, uint32_t tx, const char *path, size_t max,
             int (*check)(const char *path, size_t max,
                          const struct xk_buf *value, struct xk_error *err),
             struct xk_buf *value, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf found = {0};

    if (check_path(path, err) == -1 ||
        store->ops->read(store, tx, path, &found, deadline, err) == -1 ||
        check(path, max, &found, err) == -1)
        return -1;
    xk_buf_append(value, found.length > 0 ? found.data : "", found.length);
    return 0;
}

int
xk_store_read(struct xk_store *store, uint32_t tx, const char *path, size_t max,
              struct xk_buf *value, struct xk_deadline deadline,
              struct xk_error *err)
{
    return read_checked(store, tx, path, max, check_value, value, deadline,
                        err);
}

int
xk_store_read_bytes(struct xk_store *store, uint32_t tx, const char *path,
                    size_t max, struct xk_buf *value,
                    struct xk_deadline deadline, struct xk_error *err)
{
    return read_checked(store, tx, path, max, check_length, value, deadline,
                        err);
}

int
xk_store_refused(int errnum, const char *path, struct xk_error *err)
{
    static const struct {
        int errnum;
        enum xk_error_kind kind;
    } kinds[] = {
        {ENOENT, XK_ERR_NOT_FOUND}, {EEXIST, XK_ERR_EXISTS},
        {EACCES, XK_ERR_HOST},      {EPERM, XK_ERR_HOST},
        {EBUSY, XK_ERR_BUSY},       {ENOSYS, XK_ERR_UNSUPPORTED},
    };
    enum xk_error_kind kind = XK_ERR_FAILED;

    for (size_t i = 0; i < XK_ARRAY_SIZE(kinds); i++) {
        if (kinds[i].errnum == errnum)
            kind = kinds[i].kind;
    }
    xk_fail(err, kind, "xenstore: %s: %s", path, strerror(errnum));
    if (err != NULL)
        err->errnum = errnum;
    return -1;
}

static int
read_one_by_one(struct xk_store *store, uint32_t tx, const char *const *paths,
                size_t count, struct xk_buf *values, int *errnums,
                struct xk_deadline deadline, struct xk_error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct xk_error why = {0};

        errnums[i] = 0;
        if (store->ops->read(store, tx, paths[i], &values[i], deadline, &why) ==
            0)
            continue;
        if (why.kind != XK_ERR_NOT_FOUND) {
            if (err != NULL)
                *err = why;
            return -1;
        }
        errnums[i] = ENOENT;
    }
    return 0;
}

static int
read_burst(struct xk_store *store, uint32_t tx, const char *const *paths,
           size_t count, size_t max, struct xk_buf *values,
           struct xk_deadline deadline, struct xk_error *err)
{
    int errnums[XK_STORE_BURST];
    int r = store->ops->read_burst != NULL
                ? store->ops->read_burst(store, tx, paths, count, values,
                                         errnums, deadline, err)
                : read_one_by_one(store, tx, paths, count, values, errnums,
                                  deadline, err);

    for (size_t i = 0; r == 0 && i < count; i++) {
        if (errnums[i] == 0) {
            r = check_value(paths[i], max, &values[i], err);
            xk_buf_append(&values[i], "", 0);
        } else if (errnums[i] != ENOENT) {
            r = xk_store_refused(errnums[i], paths[i], err);
        }
    }
    return r;
}

int
xk_store_read_all(struct xk_store *store, uint32_t tx, const char *const *paths,
                  size_t count, size_t max, struct xk_buf *values,
                  struct xk_deadline deadline, struct xk_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (check_path(paths[i], err) == -1)
            return -1;
    }
    for (size_t i = 0; i < count; i += XK_STORE_BURST) {
        size_t n = count - i < XK_STORE_BURST ? count - i : XK_STORE_BURST;

        if (read_burst(store, tx, paths + i, n, max, values + i, deadline,
                       err) == -1)
            return -1;
    }
    return 0;
}

int
xk_store_read_u64(struct xk_store *store, uint32_t tx, const char *path,
                  uint64_t max, uint64_t *value, struct xk_deadline deadline,
                  struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (xk_store_read(store, tx, path, NUMBER_MAX, &text, deadline, err) == -1)
        return -1;
    if (!xk_parse_u64(text.data, max, value))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "%s does not hold a number from 0 to %llu", path,
                       (unsigned long long)max);
    return 0;
}

int
xk_store_list(struct xk_store *store, uint32_t tx, const char *path,
              struct xk_store_names *names, struct xk_deadline deadline,
              struct xk_error *err)
{
    if (check_path(path, err) == -1)
        return -1;
    return store->ops->list(store, tx, path, names, deadline, err);
}

static int
check_write(const char *path, size_t length, struct xk_error *err)
{
    if (check_path(path, err) == -1)
        return -1;
    if (strlen(path) + 1 + length > XK_STORE_VALUE_MAX)
        return xk_fail(err, XK_ERR_USAGE, "the value for %s is too long", path);
    return 0;
}

int
xk_store_write_bytes(struct xk_store *store, uint32_t tx, const char *path,
                     const void *data, size_t length,
                     struct xk_deadline deadline, struct xk_error *err)
{
    if (check_write(path, length, err) == -1)
        return -1;
    return store->ops->write(store, tx, path, data, length, deadline, err);
}

int
xk_store_write(struct xk_store *store, uint32_t tx, const char *path,
               const char *value, struct xk_deadline deadline,
               struct xk_error *err)
{
    return xk_store_write_bytes(store, tx, path, value, strlen(value), deadline,
                                err);
}

int
xk_store_make(struct xk_store *store, uint32_t tx, const char *path,
              struct xk_deadline deadline, struct xk_error *err)
{
    if (check_path(path, err) == -1)
        return -1;
    return store->ops->make(store, tx, path, deadline, err);
}

int
xk_store_remove(struct xk_store *store, uint32_t tx, const char *path,
                struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error error = {0};

    if (check_path(path, err) == -1)
        return -1;
    if (store->ops->remove(store, tx, path, deadline, &error) == 0 ||
        error.kind == XK_ERR_NOT_FOUND)
        return 0;
    if (err != NULL)
        *err = error;
    return -1;
}

static int
check_perms(const char *path, const struct xk_store_perm *perms, size_t count,
            struct xk_error *err)
{
    if (check_path(path, err) == -1)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (perms[i].access == '\0' || strchr("nrwb", perms[i].access) == NULL)
            return xk_fail(err, XK_ERR_USAGE,
                           "'%c' is not a permission of xenstore",
                           perms[i].access);
    }
    if (count == 0)
        return xk_fail(err, XK_ERR_USAGE, "%s needs an owner", path);
    return 0;
}

int
xk_store_set_perms(struct xk_store *store, uint32_t tx, const char *path,
                   const struct xk_store_perm *perms, size_t count,
                   struct xk_deadline deadline, struct xk_error *err)
{
    if (check_perms(path, perms, count, err) == -1)
        return -1;
    return store->ops->set_perms(store, tx, path, perms, count, deadline, err);
}

int
xk_store_check_change(const struct xk_store_change *change,
                      struct xk_error *err)
{
    if (change->kind == XK_STORE_WRITE)
        return check_write(change->path, strlen(change->value), err);
    if (change->kind == XK_STORE_PERMS)
        return check_perms(change->path, change->perms, change->perm_count,
                           err);
    return check_path(change->path, err);
}

int
xk_store_watch(struct xk_store *store, const char *path, const char *token,
               struct xk_deadline deadline, struct xk_error *err)
{
    if (check_watch(path, token, err) == -1)
        return -1;
    return store->ops->watch(store, path, token, deadline, err);
}

int
xk_store_unwatch(struct xk_store *store, const char *path, const char *token,
                 struct xk_deadline deadline, struct xk_error *err)
{
    if (check_watch(path, token, err) == -1)
        return -1;
    return store->ops->unwatch(store, path, token, deadline, err);
}

int
xk_store_next_event(struct xk_store *store, struct xk_store_event *event,
                    struct xk_error *err)
{
    return store->ops->next_event(store, event, err);
}

int
xk_store_wait_event(struct xk_store *store, struct xk_store_event *event,
                    struct xk_deadline deadline, struct xk_error *err)
{
    int found;

    while ((found = xk_store_next_event(store, event, err)) == 0) {
        if (xk_deadline_poll(deadline, xk_store_fd(store), POLLIN, "xenstore",
                             err) == -1)
            return -1;
    }
    return found == 1 ? 0 : -1;
}

int
xk_store_fd(const struct xk_store *store)
{
    return store->ops->fd(store);
}
