/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Communicate with xenstored over its socket, in the protocol of
 * docs/misc/xenstore.txt and xen/io/xs_wire.h. Requests are answered in order;
 * watch events that arrive in between are queued. An answer that arrives after
 * its deadline is recognised by its number and dropped. After a request that
 * could not be written whole, or an invalid answer, the connection is broken
 * and each call fails.
 */
#include "xenstore-helpers/wire_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/util.h"
#include "xenstore-helpers/queue.h"

enum {
    LATE_MS = 100 /* deadline while wire.late is set */
};

struct wire {
    struct xk_store store;
    int fd;
    bool broken;
    bool late; /* xenstored missed a deadline and has sent nothing since */
    uint32_t last_request;
    struct xk_buf input; /* at most one message and one read */
    struct xk_store_queue events;
};

static struct wire *
of(struct xk_store *store)
{
    return (struct wire *)store;
}

static int
lost(struct wire *wire, struct xk_error *err)
{
    wire->broken = true;
    return xk_fail(err, XK_ERR_HOST,
                   "xenstored closed the connection: check whether it runs");
}

static int
confused(struct wire *wire, struct xk_error *err)
{
    wire->broken = true;
    return xk_fail(err, XK_ERR_PROTOCOL, "xenstored sent an invalid message");
}

/* Read once, without waiting. 1: something was read; 0: nothing to read. */
static int
fill(struct wire *wire, struct xk_error *err)
{
    char *room = xk_buf_reserve(&wire->input, XK_STORE_VALUE_MAX);
    ssize_t length = recv(wire->fd, room, XK_STORE_VALUE_MAX, MSG_DONTWAIT);

    if (length > 0) {
        wire->input.length += (size_t)length;
        return 1;
    }
    if (length == -1 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return lost(wire, err);
}

/* Returns 1 and the header if the input begins with a whole message; 0 if it is
 * not complete yet. */
static int
parse(struct wire *wire, struct xk_wire_header *header, struct xk_error *err)
{
    if (wire->input.length < sizeof(*header))
        return 0;
    memcpy(header, wire->input.data, sizeof(*header));
    if (header->length > XK_STORE_VALUE_MAX)
        return confused(wire, err);
    return wire->input.length >= sizeof(*header) + header->length;
}

static void
drop(struct wire *wire, const struct xk_wire_header *header)
{
    xk_buf_consume(&wire->input, sizeof(*header) + header->length);
}

/* Queue a watch event, whose payload is: path NUL token NUL. */
static int
take_event(struct wire *wire, const struct xk_wire_header *header,
           struct xk_error *err)
{
    const char *path = wire->input.data + sizeof(*header);
    const char *end = path + header->length;
    const char *middle = memchr(path, '\0', header->length);

    if (middle == NULL || middle + 1 == end ||
        memchr(middle + 1, '\0', (size_t)(end - middle) - 1) == NULL)
        return confused(wire, err);
    xk_store_queue_add(&wire->events, path, middle + 1);
    drop(wire, header);
    return 0;
}

static int
send_all(struct wire *wire, const struct xk_buf *message,
         struct xk_deadline deadline, struct xk_error *err)
{
    size_t sent = 0;

    while (sent < message->length) {
        ssize_t n = send(wire->fd, message->data + sent, message->length - sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0) {
            sent += (size_t)n;
        } else if (n == -1 && errno != EAGAIN && errno != EINTR) {
            return lost(wire, err);
        } else if (xk_deadline_poll(deadline, wire->fd, POLLOUT, "xenstored",
                                    err) == -1) {
            wire->broken = sent > 0;
            return -1;
        }
    }
    return 0;
}

/* Fail with the errno whose name the store sent. */
static int
refused(struct wire *wire, const struct xk_wire_header *header,
        const char *path, struct xk_error *err)
{
    const char *name = wire->input.data + sizeof(*header);
    int errnum = EINVAL;

    if (header->length == 0 || name[header->length - 1] != '\0')
        return confused(wire, err);
    errnum = xk_wire_errno(name);
    drop(wire, header);
    return xk_store_refused(errnum, path, err);
}

/* Wait for the answer to a request. Answers to older requests, whose callers no
 * longer wait, are dropped. */
static int
answer(struct wire *wire, uint32_t request, uint32_t type, const char *path,
       struct xk_buf *payload, struct xk_deadline deadline,
       struct xk_error *err)
{
    struct xk_wire_header header;

    for (;;) {
        int whole = parse(wire, &header, err);

        if (whole == -1)
            return -1;
        if (whole == 0) {
            if (xk_deadline_poll(deadline, wire->fd, POLLIN, "xenstored",
                                 err) == -1) {
                wire->late = true;
                return -1;
            }
            wire->late = false;
            if (fill(wire, err) == -1)
                return -1;
        } else if (header.type == XK_WIRE_EVENT) {
            if (take_event(wire, &header, err) == -1)
                return -1;
        } else if (header.request != request) {
            drop(wire, &header);
        } else if (header.type == XK_WIRE_ERROR) {
            return refused(wire, &header, path, err);
        } else if (header.type != type) {
            return confused(wire, err);
        } else {
            xk_buf_append(payload, wire->input.data + sizeof(header),
                          header.length);
            drop(wire, &header);
            return 0;
        }
    }
}

static int
put_request(struct wire *wire, uint32_t type, uint32_t tx, const char *path,
            const void *data, size_t length, struct xk_buf *message,
            struct xk_error *err)
{
    struct xk_wire_header header = {
        .type = type,
        .request = ++wire->last_request,
        .tx = tx,
        .length = (uint32_t)length,
    };

    if (length > XK_STORE_VALUE_MAX)
        return xk_fail(err, XK_ERR_USAGE, "the message for %s is too long",
                       path);
    xk_buf_append(message, &header, sizeof(header));
    xk_buf_append(message, data, length);
    return 0;
}

/* Send requests. If xenstored missed the last deadline, shorten this one, so
 * that a caller with many requests does not wait its full deadline for each. */
static int
send_requests(struct wire *wire, const struct xk_buf *message,
              struct xk_deadline *deadline, struct xk_error *err)
{
    if (wire->broken)
        return lost(wire, err);
    if (wire->late)
        *deadline = xk_deadline_min(*deadline, xk_deadline_in_ms(LATE_MS));
    return send_all(wire, message, *deadline, err);
}

static int
take_answers(struct xk_store *store, uint32_t first,
             const struct xk_wire_ask *asks, size_t count,
             struct xk_buf *payloads, int *errnums, struct xk_deadline deadline,
             struct xk_error *err)
{
    struct wire *wire = of(store);
    XK_CLEANUP_BUF struct xk_buf ignored = {0};
    struct xk_error why;

    for (size_t i = 0; i < count; i++) {
        why.errnum = errnums[i] = 0;
        ignored.length = 0;
        if (answer(wire, first + (uint32_t)i, asks[i].type, asks[i].path,
                   payloads != NULL ? &payloads[i] : &ignored, deadline,
                   &why) == 0)
            continue;
        /* Only a refusal has an errno; any other error is of the connection. */
        if (why.errnum == 0 || wire->broken) {
            if (err != NULL)
                *err = why;
            return -1;
        }
        errnums[i] = why.errnum;
    }
    return 0;
}

int
xk_wire_burst(struct xk_store *store, uint32_t tx,
              const struct xk_wire_ask *asks, size_t count,
              struct xk_buf *payloads, int *errnums,
              struct xk_deadline deadline, struct xk_error *err)
{
    struct wire *wire = of(store);
    uint32_t first = wire->last_request + 1;
    XK_CLEANUP_BUF struct xk_buf message = {0};

    for (size_t i = 0; i < count; i++) {
        if (put_request(wire, asks[i].type, tx, asks[i].path, asks[i].data,
                        asks[i].length, &message, err) == -1)
            return -1;
    }
    if (send_requests(wire, &message, &deadline, err) == -1)
        return -1;
    return take_answers(store, first, asks, count, payloads, errnums, deadline,
                        err);
}

int
xk_wire_request(struct xk_store *store, uint32_t type, uint32_t tx,
                const char *path, const void *data, size_t length,
                struct xk_buf *payload, struct xk_deadline deadline,
                struct xk_error *err)
{
    struct wire *wire = of(store);
    XK_CLEANUP_BUF struct xk_buf message = {0};

    if (put_request(wire, type, tx, path, data, length, &message, err) == -1 ||
        send_requests(wire, &message, &deadline, err) == -1)
        return -1;
    return answer(wire, wire->last_request, type, path, payload, deadline, err);
}

void
xk_wire_forget(struct xk_store *store, const char *token)
{
    xk_store_queue_forget(&of(store)->events, token);
}

int
xk_wire_next_event(struct xk_store *store, struct xk_store_event *event,
                   struct xk_error *err)
{
    struct wire *wire = of(store);
    struct xk_wire_header header;
    int whole;

    for (;;) {
        if (xk_store_queue_take(&wire->events, event) == 1)
            return 1;
        if (wire->broken)
            return lost(wire, err);
        whole = parse(wire, &header, err);
        if (whole == 0)
            whole = fill(wire, err);
        else if (whole == 1 && header.type == XK_WIRE_EVENT)
            whole = take_event(wire, &header, err) == -1 ? -1 : 1;
        else if (whole == 1)
            drop(wire, &header);
        if (whole != 1)
            return whole;
    }
}

int
xk_wire_fd(const struct xk_store *store)
{
    return ((const struct wire *)store)->fd;
}

void
xk_wire_close(struct xk_store *store)
{
    struct wire *wire = of(store);

    close(wire->fd);
    xk_buf_free(&wire->input);
    xk_store_queue_free(&wire->events);
    free(wire);
}

struct xk_store *
xk_wire_new(int fd, const struct xk_store_ops *ops)
{
    struct wire *wire = XK_NEW(struct wire);

    wire->store.ops = ops;
    wire->fd = fd;
    return &wire->store;
}
