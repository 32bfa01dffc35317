/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/unix_socket.h"
#include "base/util.h"
#include "toolstack/qmp_reader.h"

enum {
    READ_CHUNK = 16 * 1024,
    /* A guest can cause events, but QEMU limits their rate; a peer that sends
     * more during one call is not QEMU. */
    EVENTS_MAX = 10000,
    BACKLOG = 4,
};

struct xk_qmp {
    int fd;
    struct xk_qmp_reader reader;
    int64_t last_id;
    bool broken;
    const char *expected;
    struct xk_json *event; /* the latest expected one, NULL: none yet */
    unsigned events;       /* events and stale answers during this call */
    bool shaken_hands;
};

static const struct {
    const char *class;
    enum xk_error_kind kind;
} classes[] = {
    {"CommandNotFound", XK_ERR_UNSUPPORTED},
    {"DeviceNotFound", XK_ERR_NOT_FOUND},
    {"GenericError", XK_ERR_FAILED},
};

/* ---- sockets ---- */

int
xk_qmp_listen(int dirfd, const char *name, struct xk_error *err)
{
    return xk_unix_listen(dirfd, name, 0, BACKLOG, err);
}

/* connect(2) waits while the backlog is full, at most for SO_SNDTIMEO. */
static int
connect_in_time(int fd, const struct sockaddr_un *address,
                struct xk_deadline deadline, struct xk_error *err)
{
    int left_ms = xk_deadline_left_ms(deadline);
    struct timeval left = {.tv_sec = left_ms / 1000,
                           .tv_usec = left_ms % 1000 * 1000L};

    if (left_ms == 0)
        left.tv_usec = 1; /* zero would mean forever */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left));
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return 0;
    if (errno == EAGAIN)
        return xk_fail(err, XK_ERR_TIMEOUT, "QEMU did not answer in time");
    if (errno == ECONNREFUSED || errno == ENOENT)
        return xk_fail(err, XK_ERR_STATE, "its QEMU is not running");
    return xk_fail_errno(err, "connect to QEMU");
}

int
xk_qmp_dial(int dirfd, const char *name, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct sockaddr_un address;

    if (xk_unix_address(dirfd, name, &address, err) == -1)
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return xk_fail_errno(err, "socket");
    if (connect_in_time(fd, &address, deadline, err) == -1)
        return -1;
    return xk_take_fd(&fd);
}

struct xk_qmp *
xk_qmp_connect(int dirfd, const char *name, struct xk_deadline deadline,
               struct xk_error *err)
{
    int fd = xk_qmp_dial(dirfd, name, deadline, err);

    return fd == -1 ? NULL : xk_qmp_open(fd, deadline, err);
}

bool
xk_qmp_is_broken(const struct xk_qmp *qmp)
{
    return qmp->broken;
}

/* ---- messages ---- */

static int
mark_broken(struct xk_qmp *qmp)
{
    qmp->broken = true;
    return -1;
}

static int
read_more(struct xk_qmp *qmp, struct xk_deadline deadline, struct xk_error *err)
{
    char chunk[READ_CHUNK];
    ssize_t got;

    /* Check the time here: poll(2) never times out while there is always more
     * to read. */
    if (xk_deadline_left_ms(deadline) == 0)
        return xk_fail(err, XK_ERR_TIMEOUT, "QEMU did not answer in time");
    if (xk_deadline_poll(deadline, qmp->fd, POLLIN, "QEMU", err) == -1)
        return -1;
    got = recv(qmp->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
    if (got == -1 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got > 0) {
        xk_qmp_reader_feed(&qmp->reader, chunk, (size_t)got);
        return 0;
    }
    if (xk_qmp_reader_is_amid(&qmp->reader))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "QEMU disconnected in the middle of a message");
    return xk_fail(err, XK_ERR_FAILED, "QEMU closed the connection");
}

static int
read_message(struct xk_qmp *qmp, struct xk_qmp_message *message,
             struct xk_deadline deadline, struct xk_error *err)
{
    int r;

    while ((r = xk_qmp_reader_next(&qmp->reader, message, err)) == 0) {
        if (read_more(qmp, deadline, err) == -1)
            return mark_broken(qmp);
    }
    return r == -1 ? mark_broken(qmp) : 0;
}

static int
count_extra(struct xk_qmp *qmp, struct xk_error *err)
{
    if (++qmp->events <= EVENTS_MAX)
        return 0;
    xk_fail(err, XK_ERR_PROTOCOL, "QEMU sends too many events");
    return mark_broken(qmp);
}

/* Keep the event if it is the one expected. */
static int
take_event(struct xk_qmp *qmp, struct xk_qmp_message *message,
           struct xk_error *err)
{
    if (qmp->expected != NULL && strcmp(message->event, qmp->expected) == 0) {
        xk_json_cleanup(&qmp->event);
        qmp->event = XK_TAKE(message->json);
    }
    return count_extra(qmp, err);
}

/* Whether the message answers a previous client, which has gone: QEMU sends its
 * answers to the client that is connected. They come in order, so before any
 * answer to us. Only our first request may have the same id as one of that
 * client. */
static bool
is_stale_answer(const struct xk_qmp *qmp, const struct xk_qmp_message *message)
{
    return message->kind != XK_QMP_GREETING && message->has_id &&
           (qmp->shaken_hands ? message->id < qmp->last_id
                              : message->id != qmp->last_id);
}

static int
read_answer(struct xk_qmp *qmp, struct xk_qmp_message *message,
            struct xk_deadline deadline, struct xk_error *err)
{
    for (;;) {
        int r;

        if (read_message(qmp, message, deadline, err) == -1)
            return -1;
        if (message->kind == XK_QMP_EVENT)
            r = take_event(qmp, message, err);
        else if (is_stale_answer(qmp, message))
            r = count_extra(qmp, err);
        else
            return 0;
        xk_qmp_message_free(message);
        if (r == -1)
            return -1;
    }
}

static int
write_message(struct xk_qmp *qmp, const struct xk_buf *text, int fd,
              struct xk_deadline deadline, struct xk_error *err)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    size_t done = 0;

    while (done < text->length) {
        struct iovec part = {text->data + done, text->length - done};
        struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t put;

        if (fd != -1 && done == 0) {
            msg.msg_control = &control;
            msg.msg_controllen = sizeof(control.room);
            control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(fd)),
                                              .cmsg_level = SOL_SOCKET,
                                              .cmsg_type = SCM_RIGHTS};
            memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        }
        if (xk_deadline_poll(deadline, qmp->fd, POLLOUT, "QEMU", err) == -1)
            return mark_broken(qmp);
        put = sendmsg(qmp->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put > 0)
            done += (size_t)put;
        else if (errno != EINTR && errno != EAGAIN) {
            if (errno == EPIPE || errno == ECONNRESET)
                xk_fail(err, XK_ERR_FAILED, "QEMU closed the connection");
            else
                xk_fail_errno(err, "write to QEMU");
            return mark_broken(qmp);
        }
    }
    return 0;
}

/* ---- calls ---- */

/* Report what the peer says, made safe for one line of a terminal. */
static void
fail_as_told(const struct xk_json *error, const char *command,
             struct xk_error *err)
{
    const char *class = xk_json_string(xk_json_get(error, "class"));
    XK_CLEANUP_FREE char *text = xk_strndup(
        xk_json_string(xk_json_get(error, "desc")), XK_ERROR_MESSAGE_MAX / 2);
    enum xk_error_kind kind = XK_ERR_FAILED;

    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == '\x7f')
            *c = ' ';
    }
    for (size_t i = 0; i < XK_ARRAY_SIZE(classes); i++) {
        if (strcmp(classes[i].class, class) == 0)
            kind = classes[i].kind;
    }
    xk_fail(err, kind, "QEMU refuses \"%s\": %s", command, text);
}

static int
check_usable(struct xk_qmp *qmp, struct xk_error *err)
{
    qmp->events = 0;
    if (qmp->broken)
        return xk_fail(err, XK_ERR_FAILED, "the connection to QEMU is broken");
    return 0;
}

static void
format_command(struct xk_buf *text, const char *command, const char *arguments,
               int64_t id)
{
    struct xk_json_writer *writer = xk_json_writer_new(text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "execute", command);
    xk_json_put_integer(writer, "id", id);
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
    if (arguments != NULL) {
        text->length--; /* the brace */
        xk_buf_printf(text, ",\"arguments\":%s}", arguments);
    }
    xk_buf_puts(text, "\n");
}

static int
call(struct xk_qmp *qmp, const char *command, const char *arguments, int fd,
     struct xk_json **result, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_QMP_MESSAGE struct xk_qmp_message answer = {0};

    if (check_usable(qmp, err) == -1)
        return -1;
    format_command(&text, command, arguments, ++qmp->last_id);
    if (write_message(qmp, &text, fd, deadline, err) == -1 ||
        read_answer(qmp, &answer, deadline, err) == -1)
        return -1;
    if (answer.kind == XK_QMP_GREETING || !answer.has_id ||
        answer.id != qmp->last_id) {
        xk_fail(err, XK_ERR_PROTOCOL, "QEMU sends an unexpected answer");
        return mark_broken(qmp);
    }
    if (answer.kind == XK_QMP_ERROR) {
        fail_as_told(answer.body, command, err);
        return -1;
    }
    if (result != NULL)
        *result = XK_TAKE(answer.json);
    return 0;
}

int
xk_qmp_execute(struct xk_qmp *qmp, const char *command, const char *arguments,
               struct xk_json **result, struct xk_deadline deadline,
               struct xk_error *err)
{
    return call(qmp, command, arguments, -1, result, deadline, err);
}

static void
format_argument(struct xk_buf *text, const char *key, const char *value)
{
    struct xk_json_writer *writer = xk_json_writer_new(text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, key, value);
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
}

int
xk_qmp_execute_with(struct xk_qmp *qmp, const char *command, const char *key,
                    const char *value, struct xk_json **result,
                    struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf arguments = {0};

    format_argument(&arguments, key, value);
    return call(qmp, command, arguments.data, -1, result, deadline, err);
}

int
xk_qmp_send_fd(struct xk_qmp *qmp, int fd, const char *name,
               struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf arguments = {0};

    format_argument(&arguments, "fdname", name);
    return call(qmp, "getfd", arguments.data, fd, NULL, deadline, err);
}

void
xk_qmp_expect(struct xk_qmp *qmp, const char *event)
{
    xk_json_cleanup(&qmp->event);
    qmp->event = NULL;
    qmp->expected = event;
}

int
xk_qmp_wait_event(struct xk_qmp *qmp, struct xk_json **event,
                  struct xk_deadline deadline, struct xk_error *err)
{
    if (check_usable(qmp, err) == -1)
        return -1;
    while (qmp->event == NULL) {
        XK_CLEANUP_QMP_MESSAGE struct xk_qmp_message message = {0};

        if (read_message(qmp, &message, deadline, err) == -1)
            return -1;
        if (message.kind != XK_QMP_EVENT) {
            xk_fail(err, XK_ERR_PROTOCOL, "QEMU sends an unexpected answer");
            return mark_broken(qmp);
        }
        if (take_event(qmp, &message, err) == -1)
            return -1;
    }
    if (event != NULL)
        *event = XK_TAKE(qmp->event);
    xk_json_cleanup(&qmp->event);
    qmp->event = NULL;
    return 0;
}

int
xk_qmp_wait_some(struct xk_qmp *qmp, struct xk_deadline tick)
{
    if (xk_qmp_reader_is_amid(&qmp->reader))
        return 1;
    return xk_deadline_poll(tick, qmp->fd, POLLIN, "QEMU", NULL) != -1;
}

/* ---- the connection ---- */

/* QEMU's monitor runs in its own thread. Messages of its other threads at the
 * time we connect arrive before the greeting. */
static int
await_greeting(struct xk_qmp *qmp, struct xk_deadline deadline,
               struct xk_error *err)
{
    for (;;) {
        XK_CLEANUP_QMP_MESSAGE struct xk_qmp_message message = {0};

        if (read_message(qmp, &message, deadline, err) == -1)
            return -1;
        if (message.kind == XK_QMP_GREETING)
            return 0;
        if (count_extra(qmp, err) == -1)
            return -1;
    }
}

struct xk_qmp *
xk_qmp_open(int fd, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp = XK_NEW(struct xk_qmp);

    qmp->fd = fd;
    if (await_greeting(qmp, deadline, err) == -1)
        return NULL;
    if (xk_qmp_execute(qmp, "qmp_capabilities", NULL, NULL, deadline, err) ==
        -1)
        return NULL;
    qmp->shaken_hands = true;
    return XK_TAKE(qmp);
}

void
xk_qmp_close(struct xk_qmp *qmp)
{
    close(qmp->fd);
    xk_qmp_reader_free(&qmp->reader);
    xk_json_cleanup(&qmp->event);
    free(qmp);
}

void
xk_qmp_cleanup(struct xk_qmp **qmp)
{
    if (*qmp != NULL)
        xk_qmp_close(*qmp);
    *qmp = NULL;
}
