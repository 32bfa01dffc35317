/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Implement the operations of a store with messages to xenstored. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"
#include "xenstore-helpers/wire_internal.h"

#define SOCKET_PATH "/run/xenstored/socket"

/* Bytes of names in a list: a guest can make many nodes. */
#define LIST_MAX (256 * 1024)

/* Make a request and ignore the content of its answer. */
static int
simple(struct xk_store *store, uint32_t type, uint32_t tx, const char *path,
       const struct xk_buf *data, struct xk_deadline deadline,
       struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf ignored = {0};

    return xk_wire_request(store, type, tx, path, data->data, data->length,
                           &ignored, deadline, err);
}

static int
of_path(struct xk_store *store, uint32_t type, uint32_t tx, const char *path,
        struct xk_buf *payload, struct xk_deadline deadline,
        struct xk_error *err)
{
    return xk_wire_request(store, type, tx, path, path, strlen(path) + 1,
                           payload, deadline, err);
}

static int
read_node(struct xk_store *store, uint32_t tx, const char *path,
          struct xk_buf *value, struct xk_deadline deadline,
          struct xk_error *err)
{
    return of_path(store, XK_WIRE_READ, tx, path, value, deadline, err);
}

static int
read_burst(struct xk_store *store, uint32_t tx, const char *const *paths,
           size_t count, struct xk_buf *values, int *errnums,
           struct xk_deadline deadline, struct xk_error *err)
{
    static_assert((int)XK_STORE_BURST <= (int)XK_WIRE_BURST, "too many");
    struct xk_wire_ask asks[XK_STORE_BURST];

    for (size_t i = 0; i < count; i++)
        asks[i] = (struct xk_wire_ask){XK_WIRE_READ, paths[i], paths[i],
                                       strlen(paths[i]) + 1};
    return xk_wire_burst(store, tx, asks, count, values, errnums, deadline,
                         err);
}

static int
add_names(struct xk_store_names *names, const char *data, size_t length,
          struct xk_error *err)
{
    while (length > 0) {
        const char *end = memchr(data, '\0', length);

        if (end == NULL)
            return xk_fail(err, XK_ERR_PROTOCOL,
                           "xenstored sent an incomplete list of names");
        XK_GROW(names->items, names->count);
        names->items[names->count++] = xk_strdup(data);
        length -= (size_t)(end - data) + 1;
        data = end + 1;
    }
    return 0;
}

/* Append the next part of a long list to *list. A part's first string is the
 * generation of the directory, and an empty name ends the list. Returns 1 at
 * the end of the list, 0 if more follows. If *generation changes, the list has
 * changed in between and the caller must start again. */
static int
list_part(struct xk_store *store, uint32_t tx, const char *path,
          struct xk_buf *list, uint64_t *generation,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf ask = {0};
    XK_CLEANUP_BUF struct xk_buf part = {0};
    size_t head;
    bool end;

    xk_buf_append(&ask, path, strlen(path) + 1);
    xk_buf_printf(&ask, "%zu", list->length);
    xk_buf_append(&ask, "", 1);
    if (xk_wire_request(store, XK_WIRE_LIST_PART, tx, path, ask.data,
                        ask.length, &part, deadline, err) == -1)
        return -1;
    head = part.length == 0 ? 0 : strnlen(part.data, part.length) + 1;
    if (head == 0 || head >= part.length ||
        !xk_parse_u64(part.data, UINT64_MAX, generation))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "xenstored sent an invalid part of the list of %s",
                       path);
    end = part.data[part.length - 1] == '\0' &&
          (part.length - head == 1 || part.data[part.length - 2] == '\0');
    xk_buf_append(list, part.data + head, part.length - head - end);
    if (list->length > LIST_MAX)
        return xk_fail(err, XK_ERR_PROTOCOL, "%s has too many nodes", path);
    return end;
}

static int
long_list(struct xk_store *store, uint32_t tx, const char *path,
          struct xk_buf *list, struct xk_deadline deadline,
          struct xk_error *err)
{
    uint64_t first = 0, generation = 0;
    int end = 0;

    while (end == 0) {
        if (xk_deadline_left_ms(deadline) == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "xenstored did not list %s in time", path);
        bool fresh = list->length == 0;

        end = list_part(store, tx, path, list, &generation, deadline, err);
        if (end == -1)
            return -1;
        if (fresh) {
            first = generation;
        } else if (generation != first) {
            list->length = 0;
            end = 0;
        }
    }
    return 0;
}

static int
list_nodes(struct xk_store *store, uint32_t tx, const char *path,
           struct xk_store_names *names, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf list = {0};
    struct xk_error error = {0};

    if (of_path(store, XK_WIRE_LIST, tx, path, &list, deadline, &error) == -1) {
        if (error.errnum != E2BIG) {
            if (err != NULL)
                *err = error;
            return -1;
        }
        list.length = 0;
        if (long_list(store, tx, path, &list, deadline, err) == -1)
            return -1;
    }
    return add_names(names, list.data, list.length, err);
}

static int
write_node(struct xk_store *store, uint32_t tx, const char *path,
           const void *value, size_t length, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf data = {0};

    xk_buf_append(&data, path, strlen(path) + 1);
    xk_buf_append(&data, value, length);
    return simple(store, XK_WIRE_WRITE, tx, path, &data, deadline, err);
}

static int
make_node(struct xk_store *store, uint32_t tx, const char *path,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf ignored = {0};

    return of_path(store, XK_WIRE_MKDIR, tx, path, &ignored, deadline, err);
}

static int
remove_node(struct xk_store *store, uint32_t tx, const char *path,
            struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf ignored = {0};

    return of_path(store, XK_WIRE_RM, tx, path, &ignored, deadline, err);
}

static void
put_perms(const struct xk_store_perm *perms, size_t count, struct xk_buf *data)
{
    for (size_t i = 0; i < count; i++) {
        xk_buf_printf(data, "%c%u", perms[i].access, perms[i].domid);
        xk_buf_append(data, "", 1);
    }
}

static int
set_perms(struct xk_store *store, uint32_t tx, const char *path,
          const struct xk_store_perm *perms, size_t count,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf data = {0};

    xk_buf_append(&data, path, strlen(path) + 1);
    put_perms(perms, count, &data);
    return simple(store, XK_WIRE_SET_PERMS, tx, path, &data, deadline, err);
}

static struct xk_wire_ask
put_change(const struct xk_store_change *change, struct xk_buf *data)
{
    static const enum xk_wire_type types[] = {
        [XK_STORE_WRITE] = XK_WIRE_WRITE,
        [XK_STORE_MAKE] = XK_WIRE_MKDIR,
        [XK_STORE_REMOVE] = XK_WIRE_RM,
        [XK_STORE_PERMS] = XK_WIRE_SET_PERMS,
    };

    xk_buf_append(data, change->path, strlen(change->path) + 1);
    if (change->kind == XK_STORE_WRITE)
        xk_buf_append(data, change->value, strlen(change->value));
    if (change->kind == XK_STORE_PERMS)
        put_perms(change->perms, change->perm_count, data);
    return (struct xk_wire_ask){types[change->kind], change->path, data->data,
                                data->length};
}

static int
change_burst(struct xk_store *store, uint32_t tx,
             const struct xk_store_change *changes, size_t count, int *errnums,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_wire_ask asks[XK_STORE_BURST] = {{0}};
    struct xk_buf data[XK_STORE_BURST] = {{0}};
    int r;

    for (size_t i = 0; i < count; i++)
        asks[i] = put_change(&changes[i], &data[i]);
    r = xk_wire_burst(store, tx, asks, count, NULL, errnums, deadline, err);
    for (size_t i = 0; i < count; i++)
        xk_buf_free(&data[i]);
    return r;
}

static int
introduce(struct xk_store *store, unsigned domid, uint64_t gfn, uint32_t port,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf data = {0};
    const uint64_t numbers[] = {domid, gfn, port};

    for (size_t i = 0; i < XK_ARRAY_SIZE(numbers); i++) {
        xk_buf_printf(&data, "%llu", (unsigned long long)numbers[i]);
        xk_buf_append(&data, "", 1);
    }
    return simple(store, XK_WIRE_INTRODUCE, XK_STORE_NO_TX, "introduce", &data,
                  deadline, err);
}

static int
begin(struct xk_store *store, uint32_t *tx, struct xk_deadline deadline,
      struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    uint64_t number;

    if (xk_wire_request(store, XK_WIRE_BEGIN, 0, "a transaction", "", 1, &text,
                        deadline, err) == -1)
        return -1;
    if (text.length == 0 || !xk_parse_u64(text.data, UINT32_MAX, &number) ||
        number == XK_STORE_NO_TX)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "xenstored sent an invalid transaction number");
    *tx = (uint32_t)number;
    return 0;
}

static int
end(struct xk_store *store, uint32_t tx, bool commit,
    struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf ignored = {0};
    struct xk_error error = {0};

    if (xk_wire_request(store, XK_WIRE_END, tx, "a transaction",
                        commit ? "T" : "F", 2, &ignored, deadline, &error) == 0)
        return XK_STORE_DONE;
    if (error.errnum == EAGAIN)
        return XK_STORE_CONFLICT;
    if (err != NULL)
        *err = error;
    return -1;
}

static int
change_watch(struct xk_store *store, uint32_t type, const char *path,
             const char *token, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf data = {0};

    xk_buf_append(&data, path, strlen(path) + 1);
    xk_buf_append(&data, token, strlen(token) + 1);
    return simple(store, type, XK_STORE_NO_TX, path, &data, deadline, err);
}

static int
watch(struct xk_store *store, const char *path, const char *token,
      struct xk_deadline deadline, struct xk_error *err)
{
    return change_watch(store, XK_WIRE_WATCH, path, token, deadline, err);
}

static int
unwatch(struct xk_store *store, const char *path, const char *token,
        struct xk_deadline deadline, struct xk_error *err)
{
    int result =
        change_watch(store, XK_WIRE_UNWATCH, path, token, deadline, err);

    xk_wire_forget(store, token);
    return result;
}

static const struct xk_store_ops ops = {
    .read = read_node,
    .read_burst = read_burst,
    .change_burst = change_burst,
    .introduce = introduce,
    .list = list_nodes,
    .write = write_node,
    .make = make_node,
    .remove = remove_node,
    .set_perms = set_perms,
    .begin = begin,
    .end = end,
    .watch = watch,
    .unwatch = unwatch,
    .next_event = xk_wire_next_event,
    .fd = xk_wire_fd,
    .close = xk_wire_close,
};

struct xk_store *
xk_store_open_fd(int fd, struct xk_error *err)
{
    (void)err;
    return xk_wire_new(fd, &ops);
}

/* Limit how long connect(2) waits while the listener's backlog is full: on a
 * unix socket the send timeout bounds it. */
static int
limit_connect(int fd, struct xk_deadline deadline)
{
    int left = xk_deadline_left_ms(deadline);
    struct timeval time = {.tv_sec = left / 1000,
                           .tv_usec = left % 1000 * 1000};

    if (left == 0)
        time.tv_usec = 1; /* 0 would mean no limit */
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

static int
no_connection(const char *path, struct xk_error *err)
{
    if (errno == EAGAIN)
        return xk_fail(err, XK_ERR_TIMEOUT, "xenstored did not answer in time");
    if (errno == ENOENT || errno == ECONNREFUSED)
        return xk_fail(err, XK_ERR_HOST,
                       "xenstored does not run (nobody answers at \"%s\"): "
                       "start it, or boot this host with Xen",
                       path);
    return xk_fail_errno(err, "connect to xenstored at \"%s\"", path);
}

struct xk_store *
xk_store_open(const char *socket_path, struct xk_deadline deadline,
              struct xk_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = socket_path != NULL ? socket_path : SOCKET_PATH;
    XK_CLEANUP_CLOSE int fd = -1;

    if (strlen(path) >= sizeof(address.sun_path)) {
        xk_fail(err, XK_ERR_USAGE, "the path of the socket is too long");
        return NULL;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1 || limit_connect(fd, deadline) == -1) {
        xk_fail_errno(err, "make a socket");
        return NULL;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1) {
        no_connection(path, err);
        return NULL;
    }
    return xk_store_open_fd(xk_take_fd(&fd), err);
}
