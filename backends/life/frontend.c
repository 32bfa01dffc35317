/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/life/frontend.h"

#include <stdint.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "xenstore-helpers/xenbus.h"

enum {
    VALUE_MAX = 32,
    PORT_MAX = INT32_MAX,
};

int
xk_front_state(struct xk_store *store, const char *path, int *state,
               struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *node = xk_asprintf("%s/state", path);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_error problem;
    uint64_t number;

    *state = XK_XENBUS_UNKNOWN;
    if (xk_store_read(store, XK_STORE_NO_TX, node, VALUE_MAX, &text, deadline,
                      &problem) == -1) {
        if (problem.kind == XK_ERR_NOT_FOUND || problem.kind == XK_ERR_PROTOCOL)
            return 0;
        *err = problem;
        return -1;
    }
    if (text.data != NULL && xk_parse_u64(text.data, UINT64_MAX, &number))
        *state = number < XK_XENBUS_COUNT ? (int)number : XK_XENBUS_COUNT;
    return 0;
}

int
xk_front_number(const struct xk_front_reader *reader, const char *name,
                uint64_t min, uint64_t max, uint32_t *value,
                struct xk_error *err)
{
    XK_CLEANUP_FREE char *node = xk_asprintf("%s/%s", reader->path, name);
    struct xk_error problem;
    uint64_t number;

    if (xk_store_read_u64(reader->store, XK_STORE_NO_TX, node, max, &number,
                          reader->deadline, &problem) == -1) {
        if (problem.kind == XK_ERR_NOT_FOUND)
            return 0;
        if (problem.kind == XK_ERR_TIMEOUT) {
            *err = problem;
            return -1;
        }
        number = 0;
        min = 1; /* the node does not hold a number in the range: refuse */
    }
    if (number < min)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the frontend's \"%s\" is not a number from %llu to "
                       "%llu",
                       name, (unsigned long long)min, (unsigned long long)max);
    *value = (uint32_t)number;
    return 1;
}

int
xk_front_need_number(const struct xk_front_reader *reader, const char *name,
                     uint64_t min, uint64_t max, uint32_t *value,
                     struct xk_error *err)
{
    int rc = xk_front_number(reader, name, min, max, value, err);

    if (rc == 0)
        return xk_fail(err, XK_ERR_PROTOCOL, "the frontend wrote no \"%s\"",
                       name);
    return rc == 1 ? 0 : -1;
}

int
xk_front_port(const struct xk_front_reader *reader, const char *name,
              uint32_t *port, struct xk_error *err)
{
    return xk_front_number(reader, name, 1, PORT_MAX, port, err);
}

int
xk_front_need_port(const struct xk_front_reader *reader, const char *name,
                   uint32_t *port, struct xk_error *err)
{
    return xk_front_need_number(reader, name, 1, PORT_MAX, port, err);
}

int
xk_front_read_queues(const struct xk_front_reader *reader, unsigned max,
                     unsigned *count,
                     int (*read)(const struct xk_front_reader *queue,
                                 unsigned number, void *context,
                                 struct xk_error *err),
                     void *context, struct xk_error *err)
{
    uint32_t queues = 1;

    if (xk_front_number(reader, "multi-queue-num-queues", 1, max, &queues,
                        err) == -1)
        return -1;
    *count = queues;
    if (queues == 1)
        return read(reader, 0, context, err);
    for (unsigned i = 0; i < queues; i++) {
        XK_CLEANUP_FREE char *path =
            xk_asprintf("%s/queue-%u", reader->path, i);
        struct xk_front_reader queue = {reader->store, path, reader->deadline};

        if (read(&queue, i, context, err) == -1)
            return xk_wrap(err, "queue %u", i);
    }
    return 0;
}
