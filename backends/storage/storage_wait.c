/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon answers QMP commands once it has carried out all options of its
 * command line. Only the end of its standard error proves that it has ended.
 */
#include "backends/storage/storage_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/deadline.h"

enum {
    SAID_MAX = 64 * 1024, /* the rest is read and dropped */
    CHUNK = 4096,
    ANSWER_LINES = 2,    /* the greeting, and the answer to our command */
    SERVICE_MS = 120000, /* the caller of xk-backend may wait less */
};

enum progress {
    WAITS,
    SERVES,
    ENDED
};

struct wait {
    int said_fd;
    struct xk_buf said;
    int hello_fd; /* -1: closed by the daemon, which ends then */
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
    ssize_t got = recv(wait->hello_fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return WAITS;
    if (got <= 0)
        wait->hello_fd = -1;
    for (ssize_t i = 0; i < got; i++)
        wait->lines += bytes[i] == '\n';
    return wait->lines >= ANSWER_LINES ? SERVES : WAITS;
}

/* Wait until there is something to read, or the deadline. */
static enum progress
step(struct wait *wait, struct xk_deadline deadline)
{
    struct pollfd fds[] = {{.fd = wait->said_fd, .events = POLLIN},
                           {.fd = wait->hello_fd, .events = POLLIN}};
    enum progress progress = WAITS;

    if (poll(fds, 2, xk_deadline_left_ms(deadline)) <= 0)
        return WAITS;
    if (fds[0].revents != 0)
        progress = read_said(wait);
    if (progress == WAITS && fds[1].revents != 0)
        progress = read_answer(wait);
    return progress;
}

static int
report(struct wait *wait, enum progress progress, struct xk_error *err)
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
xk_storage_await(int hello_fd, int said_fd, struct xk_error *err)
{
    static const char question[] = "{\"execute\":\"qmp_capabilities\"}\n";
    struct wait wait = {.said_fd = said_fd, .hello_fd = hello_fd};
    struct xk_deadline deadline = xk_deadline_in_ms(SERVICE_MS);
    enum progress progress;
    int r;

    if (fcntl(said_fd, F_SETFL, O_NONBLOCK) == -1)
        return xk_fail_errno(err, "await the storage daemon");
    /* Ignore an error: the end of standard error tells if it has ended. */
    (void)!send(hello_fd, question, strlen(question), MSG_NOSIGNAL);
    do
        progress = step(&wait, deadline);
    while (progress == WAITS && xk_deadline_left_ms(deadline) > 0);
    r = report(&wait, progress, err);
    xk_buf_free(&wait.said);
    return r;
}
