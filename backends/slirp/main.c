/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xk-slirp DIRECTORY: a user-mode network (contracts/user_network.h).
 *
 * How it begins, all but the last step with the privileges that it was started
 * with: network.json is read, the lock taken, the process signed, the socket
 * bound, the ports of the host bound; then it enters its place (place.h). After
 * that it opens sockets of the guest's and nothing else.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/slirp/config.h"
#include "backends/slirp/place.h"
#include "base/cleanup.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/ready.h"
#include "base/unix_socket.h"
#include "base/util.h"
#include "contracts/user_network.h"
#include "net-helpers/frame_stream.h"

enum {
    BACKLOG = 4
};

struct network {
    int dir_fd, lock_fd, listen_fd, signal_fd;
    int spare_fd; /* for the next peer, if the guest has all the others */
    struct xk_slirp_config config;
    struct xk_stack *stack;
    struct xk_stream stream;
};

/* ---- frames ---- */

static void
to_guest(void *context, const void *frame, size_t bytes)
{
    struct network *network = context;

    xk_stream_keep(&network->stream, frame, bytes);
}

static void
take_from_guest(struct network *network)
{
    const uint8_t *frame;
    size_t bytes;

    if (!xk_stream_receive(&network->stream))
        return;
    while ((frame = xk_stream_next(&network->stream, &bytes)) != NULL)
        xk_stack_input(network->stack, frame, bytes);
}

/* ---- its beginning ---- */

static int
take_lock(struct network *network, struct xk_error *err)
{
    network->lock_fd = xk_file_lock_open(
        network->dir_fd, XK_NETWORK_LOCK,
        "another process serves the network here already", err);
    if (network->lock_fd == -1)
        return -1;
    (void)xk_file_lock_write_pid(network->lock_fd);
    return 0;
}

/* It does not wait in accept4(2): a peer may be gone again. */
static int
listen_there(struct network *network, struct xk_error *err)
{
    network->listen_fd =
        xk_unix_listen(network->dir_fd, XK_NETWORK_SOCKET, 0600, BACKLOG, err);
    if (network->listen_fd == -1)
        return -1;
    return fcntl(network->listen_fd, F_SETFL, O_NONBLOCK) == -1
               ? xk_fail_errno(err, "listen on \"%s\"", XK_NETWORK_SOCKET)
               : 0;
}

static int
open_signals(struct network *network, struct xk_error *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    network->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return network->signal_fd == -1 ? xk_fail_errno(err, "signalfd") : 0;
}

static int
open_network(struct network *network, const char *dir, struct xk_error *err)
{
    const struct xk_slirp_config *config = &network->config;

    network->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (network->dir_fd == -1)
        return xk_fail_errno(err, "open \"%s\"", dir);
    if (xk_slirp_config_read(network->dir_fd, &network->config, err) == -1 ||
        take_lock(network, err) == -1 ||
        xk_process_save_self(network->dir_fd, XK_NETWORK_PROCESS, err) == -1 ||
        open_signals(network, err) == -1 || listen_there(network, err) == -1)
        return -1;
    xk_stream_init(&network->stream);
    network->stack = xk_stack_new(&config->stack, to_guest, network, err);
    if (network->stack == NULL)
        return -1;
    close(network->dir_fd);
    network->dir_fd = -1;
    return xk_slirp_enter_place(dir, config->uid, config->gid, err);
}

/* ---- serving ---- */

static void
keep_spare(struct network *network)
{
    if (network->spare_fd == -1)
        network->spare_fd = fcntl(network->lock_fd, F_DUPFD_CLOEXEC, 0);
}

/* A new peer takes the place of the old one. The guest may have opened all the
 * descriptors there are, so one is kept back. */
static void
take_peer(struct network *network)
{
    int fd;

    xk_stream_detach(&network->stream);
    if (network->spare_fd != -1)
        close(network->spare_fd);
    network->spare_fd = -1;
    fd = accept4(network->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd != -1)
        xk_stream_attach(&network->stream, fd);
    keep_spare(network);
}

/* False: it is to end. */
static bool
run_once(struct network *network)
{
    struct pollfd fds[] = {
        {.fd = network->signal_fd, .events = POLLIN},
        {.fd = network->listen_fd, .events = POLLIN},
        {.fd = network->stream.fd, .events = POLLIN},
    };

    if (xk_stream_is_behind(&network->stream))
        fds[2].events |= POLLOUT;
    xk_stack_run(network->stack, fds, XK_ARRAY_SIZE(fds));
    if ((fds[2].revents & ~POLLOUT) != 0 && network->stream.fd != -1)
        take_from_guest(network);
    xk_stream_flush(&network->stream);
    if (network->stream.has_failed)
        xk_stream_detach(&network->stream);
    if (fds[1].revents != 0)
        take_peer(network);
    return fds[0].revents == 0;
}

static int
run(int argc, char **argv, int *ready, struct xk_error *err)
{
    static struct network network = {
        -1, -1, -1, -1, .spare_fd = -1, .stream = {.fd = -1}};

    if (argc != 2)
        return xk_fail(err, XK_ERR_USAGE, "usage: xk-slirp DIRECTORY");
    if (open_network(&network, argv[1], err) == -1)
        return -1;
    keep_spare(&network);
    xk_ready_say(*ready, NULL);
    *ready = -1;
    while (run_once(&network)) {
    }
    xk_stack_free(network.stack);
    xk_stream_free(&network.stream);
    xk_slirp_config_free(&network.config);
    return 0;
}

int
main(int argc, char **argv)
{
    int ready = xk_ready_descriptor();
    struct xk_error err = {0};

    xk_log_set_name("xk-slirp");
    xk_log_set_bounds(XK_LOG_KEEP, XK_LOG_BURST, XK_LOG_PAUSE_MS);
    if (run(argc, argv, &ready, &err) == 0)
        return 0;
    xk_ready_say(ready, &err);
    xk_log(XK_LOG_ERROR, "%s", err.message);
    return xk_error_exit_status(err.kind);
}
