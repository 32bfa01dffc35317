/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/migration/replies.h"

enum {
    NUMBER_SIZE = 2,
    CHUNK = 256 << 10,
    ALIVE_MS = 2000,
};

struct channel {
    int fd;
    bool sent_end; /* owned by the sender */
    bool had_end;  /* owned by the receiver */
};

/* The sender and the receiver share only descriptors and the members marked
 * atomic. */
struct xk_channels {
    pthread_t sender, receiver;
    struct xk_frame_stream *to, *from;
    struct channel list[XK_CHANNELS_MAX];
    size_t count;
    int64_t silence_ms;
    int stop_fd;         /* eventfd: both threads end now */
    int received_fd;     /* eventfd: the receiver has ended */
    unsigned char *out;  /* NUMBER_SIZE + CHUNK bytes, owned by the sender */
    struct xk_frame in;  /* owned by the receiver */
    uint64_t bytes;      /* atomic */
    bool failed;         /* atomic */
    bool error_is_taken; /* atomic: the first error counts */
    struct xk_error error;
};

static void
free_channels(struct xk_channels *channels)
{
    for (size_t i = 0; i < channels->count; i++)
        close(channels->list[i].fd);
    if (channels->stop_fd != -1)
        close(channels->stop_fd);
    if (channels->received_fd != -1)
        close(channels->received_fd);
    xk_buf_free(&channels->in.payload);
    free(channels->out);
    free(channels);
}

/* Tell the other thread and the users of the sockets' other ends. */
static void
break_off(struct xk_channels *channels)
{
    eventfd_write(channels->stop_fd, 1);
    for (size_t i = 0; i < channels->count; i++)
        shutdown(channels->list[i].fd, SHUT_RDWR);
}

static void
fail(struct xk_channels *channels, const struct xk_error *why)
{
    if (!__atomic_exchange_n(&channels->error_is_taken, true, __ATOMIC_ACQ_REL))
        channels->error = *why;
    __atomic_store_n(&channels->failed, true, __ATOMIC_RELEASE);
    break_off(channels);
}

static struct xk_deadline
silence(const struct xk_channels *channels)
{
    return xk_deadline_in_ms(channels->silence_ms);
}

static void
count_bytes(struct xk_channels *channels, size_t length)
{
    __atomic_add_fetch(&channels->bytes, length, __ATOMIC_RELAXED);
}

/* ---- to the other host ---- */

static int
send_frame(struct xk_channels *channels, size_t number, size_t length,
           struct xk_error *err)
{
    channels->out[0] = (unsigned char)(number >> 8);
    channels->out[1] = (unsigned char)number;
    count_bytes(channels, length);
    length += NUMBER_SIZE;
    return xk_frame_write(channels->to, XK_FRAME_CHANNEL, 0, channels->out,
                          length, length, silence(channels), err);
}

/* Forward what the socket has. A socket that was closed or reset has ended. */
static int
send_some(struct xk_channels *channels, size_t number, struct xk_error *err)
{
    struct channel *channel = &channels->list[number];
    ssize_t got = read(channel->fd, channels->out + NUMBER_SIZE, CHUNK);

    if (got == -1 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        channel->sent_end = true;
    return send_frame(channels, number, got > 0 ? (size_t)got : 0, err);
}

static bool
has_sent_all(const struct xk_channels *channels)
{
    for (size_t i = 0; i < channels->count; i++) {
        if (!channels->list[i].sent_end)
            return false;
    }
    return true;
}

/* The last two entries: end now; the other side has ended. */
static void
fill_pollers(const struct xk_channels *channels, struct pollfd *pollers)
{
    for (size_t i = 0; i < channels->count; i++)
        pollers[i] = (struct pollfd){
            channels->list[i].sent_end ? -1 : channels->list[i].fd, POLLIN, 0};
    pollers[channels->count] = (struct pollfd){channels->stop_fd, POLLIN, 0};
    pollers[channels->count + 1] = (struct pollfd){
        has_sent_all(channels) ? channels->received_fd : -1, POLLIN, 0};
}

/* 1: go on, 0: done, -1: error. */
static int
step_send(struct xk_channels *channels, struct xk_error *err)
{
    struct pollfd pollers[XK_CHANNELS_MAX + 2];
    size_t count = channels->count;

    fill_pollers(channels, pollers);
    if (poll(pollers, count + 2, ALIVE_MS) == 0)
        return xk_frame_write(channels->to, XK_FRAME_ALIVE, 0, "{}", 2, 2,
                              silence(channels), err) == -1
                   ? -1
                   : 1;
    if (pollers[count].revents != 0 || pollers[count + 1].revents != 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (pollers[i].revents != 0 && send_some(channels, i, err) == -1)
            return -1;
    }
    return 1;
}

/* ---- from the other host ---- */

/* A socket whose reader has closed it discards data; the sender notices its
 * end. */
static int
give(const struct xk_channels *channels, int fd, const char *data,
     size_t length, struct xk_error *err)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent == -1 && errno == EAGAIN) {
            if (xk_deadline_poll(silence(channels), fd, POLLOUT, "the disk",
                                 err) == -1)
                return -1;
        } else if (sent == -1 && errno != EINTR) {
            return 0;
        } else if (sent > 0) {
            data += sent;
            length -= (size_t)sent;
        }
    }
    return 0;
}

static int
take_channel(struct xk_channels *channels, struct xk_error *err)
{
    const unsigned char *payload = (void *)channels->in.payload.data;
    size_t length = channels->in.payload.length;
    size_t number;
    struct channel *channel;

    number =
        length < NUMBER_SIZE ? SIZE_MAX : (size_t)payload[0] << 8 | payload[1];
    if (number >= channels->count || channels->list[number].had_end)
        return xk_fail(
            err, XK_ERR_PROTOCOL,
            "%s sent data for a channel that does not exist or has ended",
            channels->from->what);
    channel = &channels->list[number];
    length -= NUMBER_SIZE;
    count_bytes(channels, length);
    if (length > 0)
        return give(channels, channel->fd, (const char *)payload + NUMBER_SIZE,
                    length, err);
    channel->had_end = true;
    shutdown(channel->fd, SHUT_WR);
    return 0;
}

static int
take_frame(struct xk_channels *channels, struct xk_error *err)
{
    if (xk_frame_read(channels->from, &channels->in, silence(channels), err) ==
        -1)
        return -1;
    switch ((int)channels->in.type) {
    case XK_FRAME_ALIVE:
        return 0;
    case XK_FRAME_CHANNEL:
        return take_channel(channels, err);
    case XK_FRAME_FAILED:
        return xk_peer_failed(&channels->in, channels->from->what, err);
    default:
        return xk_peer_unexpected(&channels->in, channels->from->what,
                                  "channel", err);
    }
}

static bool
has_all_ends(const struct xk_channels *channels)
{
    for (size_t i = 0; i < channels->count; i++) {
        if (!channels->list[i].had_end)
            return false;
    }
    return true;
}

/* 1: go on, 0: done, -1: error. */
static int
step_receive(struct xk_channels *channels, struct xk_error *err)
{
    struct pollfd pollers[] = {
        {channels->from->fd, POLLIN, 0},
        {channels->stop_fd, POLLIN, 0},
    };

    if (poll(pollers, 2, xk_deadline_poll_ms(silence(channels))) > 0 &&
        pollers[1].revents != 0)
        return 0;
    if (take_frame(channels, err) == -1)
        return -1;
    return !has_all_ends(channels);
}

/* ---- the threads ---- */

static void *
run_sender(void *context)
{
    struct xk_channels *channels = context;
    struct xk_error err = {0};
    int r;

    do
        r = step_send(channels, &err);
    while (r == 1);
    if (r == -1)
        fail(channels, &err);
    return NULL;
}

static void *
run_receiver(void *context)
{
    struct xk_channels *channels = context;
    struct xk_error err = {0};
    int r;

    do
        r = step_receive(channels, &err);
    while (r == 1);
    if (r == -1)
        fail(channels, &err);
    eventfd_write(channels->received_fd, 1);
    return NULL;
}

/* Block all signals in the new threads: the caller's thread handles them. */
static int
start_threads(struct xk_channels *channels, struct xk_error *err)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&channels->sender, NULL, run_sender, channels);
    if (r == 0) {
        r = pthread_create(&channels->receiver, NULL, run_receiver, channels);
        if (r != 0) {
            break_off(channels);
            pthread_join(channels->sender, NULL);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r == 0)
        return 0;
    errno = r;
    return xk_fail_errno(err, "start a thread");
}

struct xk_channels *
xk_channels_start(struct xk_frame_stream *to, struct xk_frame_stream *from,
                  const int *fds, size_t count, int64_t silence_ms,
                  struct xk_error *err)
{
    struct xk_channels *channels = XK_NEW(struct xk_channels);

    channels->to = to;
    channels->from = from;
    channels->count = count;
    channels->silence_ms = silence_ms;
    for (size_t i = 0; i < count; i++) {
        channels->list[i].fd = fds[i];
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    channels->out = xk_calloc(1, NUMBER_SIZE + CHUNK);
    channels->stop_fd = eventfd(0, EFD_CLOEXEC);
    channels->received_fd = eventfd(0, EFD_CLOEXEC);
    if (channels->stop_fd != -1 && channels->received_fd != -1 &&
        start_threads(channels, err) == 0)
        return channels;
    if (channels->stop_fd == -1 || channels->received_fd == -1)
        xk_fail_errno(err, "eventfd");
    free_channels(channels);
    return NULL;
}

bool
xk_channels_have_failed(const struct xk_channels *channels)
{
    return __atomic_load_n(&channels->failed, __ATOMIC_ACQUIRE);
}

uint64_t
xk_channels_bytes(const struct xk_channels *channels)
{
    return __atomic_load_n(&channels->bytes, __ATOMIC_RELAXED);
}

int
xk_channels_join(struct xk_channels *channels, bool stop, struct xk_error *err)
{
    int r;

    if (stop)
        break_off(channels);
    pthread_join(channels->sender, NULL);
    pthread_join(channels->receiver, NULL);
    r = channels->failed ? -1 : 0;
    if (r == -1 && err != NULL)
        *err = channels->error;
    free_channels(channels);
    return r;
}
