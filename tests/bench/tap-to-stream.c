/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap-to-stream TAP DIRECTORY NAME: the card of a guest that is a network
 * namespace. Frames pass between an existing TAP and the socket DIRECTORY/NAME,
 * by the code that the port of xk-backend has, until the network ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/unix_socket.h"
#include "net-helpers/frame_stream.h"

enum {
    ROUND = 64 /* frames before the other way has its turn */
};

static int
open_tap(const char *name, struct xk_error *err)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    if (fd == -1 || ioctl(fd, TUNSETIFF, &ifr) == -1)
        return xk_fail_errno(err, "open the TAP \"%s\"", name);
    return fd;
}

/* What the network does not take yet stays in the TAP. */
static void
to_network(int tap, struct xk_stream *stream)
{
    static uint8_t frame[XK_STREAM_FRAME_MAX];

    for (unsigned i = 0; i < ROUND && !xk_stream_is_behind(stream); i++) {
        ssize_t bytes = read(tap, frame, sizeof(frame));

        if (bytes <= 0)
            return;
        xk_stream_send(stream, frame, (size_t)bytes);
    }
}

/* A TAP that is full drops the frame, as a wire does. */
static void
to_guest(int tap, struct xk_stream *stream)
{
    const uint8_t *frame;
    size_t bytes;

    if (!xk_stream_receive(stream))
        return;
    while ((frame = xk_stream_next(stream, &bytes)) != NULL)
        (void)!write(tap, frame, bytes);
}

static void
run(int tap, struct xk_stream *stream)
{
    while (stream->fd != -1 && !stream->has_failed) {
        bool is_behind = xk_stream_is_behind(stream);
        struct pollfd fds[] = {
            {stream->fd, (short)(is_behind ? POLLIN | POLLOUT : POLLIN), 0},
            {tap, (short)(is_behind ? 0 : POLLIN), 0},
        };

        if (poll(fds, 2, -1) == -1 && errno != EINTR)
            return;
        xk_stream_flush(stream);
        if ((fds[1].revents & POLLIN) != 0)
            to_network(tap, stream);
        if ((fds[0].revents & ~POLLOUT) != 0)
            to_guest(tap, stream);
    }
}

static int
connect_there(const char *directory, const char *name, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int dir =
        open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return dir == -1 ? xk_fail_errno(err, "open \"%s\"", directory)
                     : xk_unix_connect(dir, name, err);
}

int
main(int argc, char **argv)
{
    struct xk_stream stream = {.fd = -1};
    struct xk_error err = {0};
    int tap, fd;

    if (argc != 4) {
        fprintf(stderr, "usage: tap-to-stream TAP DIRECTORY NAME\n");
        return 2;
    }
    tap = open_tap(argv[1], &err);
    fd = tap == -1 ? -1 : connect_there(argv[2], argv[3], &err);
    if (fd == -1) {
        fprintf(stderr, "tap-to-stream: %s\n", err.message);
        return 1;
    }
    xk_stream_init(&stream);
    xk_stream_attach(&stream, fd);
    run(tap, &stream);
    xk_stream_free(&stream);
    close(tap);
    return 0;
}
