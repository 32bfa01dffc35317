/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/collect.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
    PIPES_MAX = 2,
    CHUNK = 4096,
    LAST_READS = 64, /* a pipe holds no more; a child may print for ever */
};

struct reader {
    int fd;     /* non-blocking; -1: at its end */
    size_t end; /* of the buffer */
    struct xk_buf *to;
};

/* Read once. False if there is nothing to read. */
static bool
take(struct reader *reader)
{
    char chunk[CHUNK];
    ssize_t got = read(reader->fd, chunk, sizeof(chunk));
    size_t room = reader->end - reader->to->length;

    if (got > 0) {
        xk_buf_append(reader->to, chunk,
                      (size_t)got < room ? (size_t)got : room);
        return true;
    }
    if (got == 0)
        reader->fd = -1;
    return got == -1 && errno == EINTR;
}

/* Read until the child has ended. False at the deadline. */
static bool
read_to_its_end(struct reader *readers, size_t count, int pidfd,
                struct xk_deadline deadline)
{
    struct pollfd fds[1 + PIPES_MAX] = {{.fd = pidfd, .events = POLLIN}};

    while (fds[0].revents == 0) {
        if (xk_deadline_left_ms(deadline) == 0)
            return false;
        for (size_t i = 0; i < count; i++)
            fds[1 + i] = (struct pollfd){.fd = readers[i].fd, .events = POLLIN};
        if (poll(fds, (nfds_t)(1 + count), xk_deadline_poll_ms(deadline)) <= 0)
            continue;
        for (size_t i = 0; i < count; i++) {
            if (fds[1 + i].revents != 0)
                (void)take(&readers[i]);
        }
    }
    return true;
}

static void
read_the_rest(struct reader *reader)
{
    for (unsigned i = 0; i < LAST_READS && reader->fd != -1 && take(reader);
         i++) {
    }
}

int
xk_collect(const struct xk_collect *pipes, size_t count, pid_t child,
           const char *name, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    struct reader readers[PIPES_MAX];

    assert(count <= PIPES_MAX);
    if (pidfd == -1)
        return xk_fail_errno(err, "watch \"%s\"", name);
    for (size_t i = 0; i < count; i++) {
        readers[i] = (struct reader){
            pipes[i].fd, pipes[i].to->length + pipes[i].limit, pipes[i].to};
        if (fcntl(pipes[i].fd, F_SETFL, O_NONBLOCK) == -1)
            return xk_fail_errno(err, "read from \"%s\"", name);
    }
    if (!read_to_its_end(readers, count, pidfd, deadline))
        return xk_fail(err, XK_ERR_TIMEOUT, "\"%s\" did not end in time", name);
    for (size_t i = 0; i < count; i++)
        read_the_rest(&readers[i]);
    return 0;
}
