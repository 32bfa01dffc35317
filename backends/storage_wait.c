/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon answers commands once it has done all that its words say. Only the
 * end of its standard error proves that it has ended: a connection that breaks
 * proves nothing, because the daemon may drop a client that came while it was
 * starting. So it is asked again, by another connection.
 */
#include "backends/storage_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/deadline.h"

enum {
    SAID_MAX = 64 * 1024, /* what is said after that is read and dropped */
    CHUNK = 4096,
    ANSWER_LINES = 2,    /* a greeting, and what we asked for */
    ASK_MS = 4000,       /* for one connection */
    PAUSE_MS = 50,       /* before the next, where one broke at once */
    SERVICE_MS = 120000, /* whoever started us may have less patience */
};

enum progress {
    WAITS,
    SERVES,
    BROKEN,
    ENDED
};

struct wait {
    int said_fd;
    struct xk_buf said;
    int qmp_fd; /* -1: not connected */
    unsigned lines;
};

static enum progress
read_said(struct wait *wait)
{
    char *room = xk_buf_reserve(&wait->said, CHUNK);
    ssize_t got = read(wait->said_fd, room, CHUNK);

    if (got == 0)
        return ENDED;
    if (got > 0 && wait->said.length < SAID_MAX)
        wait->said.length += (size_t)got;
    return WAITS;
}

static enum progress
read_answer(struct wait *wait)
{
    char bytes[CHUNK];
    ssize_t got = read(wait->qmp_fd, bytes, sizeof(bytes));

    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return WAITS;
    if (got <= 0)
        return BROKEN;
    for (ssize_t i = 0; i < got; i++)
        wait->lines += bytes[i] == '\n';
    return wait->lines >= ANSWER_LINES ? SERVES : WAITS;
}

/* Until there is news, or the time is over. */
static enum progress
step(struct wait *wait, struct xk_deadline deadline)
{
    struct pollfd fds[] = {{.fd = wait->said_fd, .events = POLLIN},
                           {.fd = wait->qmp_fd, .events = POLLIN}};
    enum progress progress = WAITS;

    if (poll(fds, 2, xk_deadline_left_ms(deadline)) <= 0)
        return WAITS;
    if (fds[0].revents != 0)
        progress = read_said(wait);
    if (progress == WAITS && fds[1].revents != 0)
        progress = read_answer(wait);
    return progress;
}

static enum progress
wait_for_news(struct wait *wait, struct xk_deadline deadline)
{
    enum progress progress;

    do
        progress = step(wait, deadline);
    while (progress == WAITS && xk_deadline_left_ms(deadline) > 0);
    return progress;
}

static int
connect_and_ask(struct wait *wait, int dir_fd)
{
    static const char question[] = "{\"execute\":\"qmp_capabilities\"}\n";
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    wait->lines = 0;
    wait->qmp_fd =
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The path of a record may be longer than an address. */
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/qmp",
             dir_fd);
    if (wait->qmp_fd == -1 ||
        connect(wait->qmp_fd, (struct sockaddr *)&address, sizeof(address)) ==
            -1 ||
        send(wait->qmp_fd, question, strlen(question), MSG_NOSIGNAL) !=
            (ssize_t)strlen(question))
        return -1;
    return 0;
}

static void
disconnect(struct wait *wait)
{
    if (wait->qmp_fd != -1)
        close(wait->qmp_fd);
    wait->qmp_fd = -1;
}

/* By one connection. */
static enum progress
try(struct wait *wait, int dir_fd, struct xk_deadline deadline)
{
    enum progress progress =
        connect_and_ask(wait, dir_fd) == -1
            ? BROKEN
            : wait_for_news(
                  wait, xk_deadline_min(deadline, xk_deadline_in_ms(ASK_MS)));

    disconnect(wait);
    if (progress == BROKEN)
        progress = wait_for_news(
            wait, xk_deadline_min(deadline, xk_deadline_in_ms(PAUSE_MS)));
    return progress;
}

static int
judge(struct wait *wait, enum progress progress, struct xk_error *err)
{
    if (progress == SERVES)
        return 0;
    if (progress != ENDED)
        return xk_fail(err, XK_ERR_TIMEOUT,
                       "the storage daemon did not answer in time");
    xk_buf_append(&wait->said, "", 1);
    wait->said.data[strcspn(wait->said.data, "\n")] = '\0';
    return xk_fail(err, XK_ERR_FAILED, "%s",
                   wait->said.data[0] != '\0' ? wait->said.data
                                              : "it ended at once");
}

int
xk_storage_await(int dir_fd, int said_fd, struct xk_error *err)
{
    struct wait wait = {.said_fd = said_fd, .qmp_fd = -1};
    struct xk_deadline deadline = xk_deadline_in_ms(SERVICE_MS);
    enum progress progress;
    int r;

    if (fcntl(said_fd, F_SETFL, O_NONBLOCK) == -1)
        return xk_fail_errno(err, "await the storage daemon");
    do
        progress = try(&wait, dir_fd, deadline);
    while (progress != SERVES && progress != ENDED &&
           xk_deadline_left_ms(deadline) > 0);
    r = judge(&wait, progress, err);
    xk_buf_free(&wait.said);
    return r;
}
