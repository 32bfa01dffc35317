/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/migration/replies.h"

enum {
    PIPE_SIZE = 1 << 20,
    ALIVE_MS = 2000,
    ZSTD_LEVEL = 1, /* keep the link busy; the ratio matters less */
};

struct xk_pump {
    pthread_t thread;
    struct xk_frame_stream *stream; /* frames go to it or come from it */
    struct xk_frame_stream *back;
    struct xk_pump_options options;
    int pipe_fd; /* the thread's end */
    int stop_fd; /* eventfd: the driver failed */
    XXH3_state_t *hash;
    ZSTD_CCtx *compressor;
    struct xk_compression_choice choice;
    ZSTD_DCtx *expander;
    char *chunk; /* XK_FRAME_PAYLOAD_MAX bytes of the driver's stream */
    char *packed;
    size_t packed_room;
    struct xk_frame frame;
    uint64_t bytes;
    bool driver_left; /* the driver closed its end too soon */
    int result;
    bool failed; /* atomic: the thread ended with an error */
    struct xk_error error;
};

static void
free_pump(struct xk_pump *pump)
{
    if (pump->pipe_fd != -1)
        close(pump->pipe_fd);
    if (pump->stop_fd != -1)
        close(pump->stop_fd);
    XXH3_freeState(pump->hash);
    ZSTD_freeCCtx(pump->compressor);
    ZSTD_freeDCtx(pump->expander);
    xk_buf_free(&pump->frame.payload);
    free(pump->chunk);
    free(pump->packed);
    free(pump);
}

static struct xk_deadline
silence(const struct xk_pump *pump)
{
    return xk_deadline_in_ms(pump->options.silence_ms);
}

static void
count_bytes(struct xk_pump *pump, const void *data, size_t length)
{
    XXH3_128bits_update(pump->hash, data, length);
    pump->bytes += length;
}

static void
format_hash(struct xk_pump *pump, char text[33])
{
    XXH128_hash_t hash = XXH3_128bits_digest(pump->hash);

    snprintf(text, 33, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

/* ---- out ---- */

/* Send the compressed form only if it saves at least an eighth. */
static int
send_in_one_way(struct xk_pump *pump, size_t length, bool compress)
{
    size_t packed = 0;

    if (compress)
        packed =
            ZSTD_compressCCtx(pump->compressor, pump->packed, pump->packed_room,
                              pump->chunk, length, ZSTD_LEVEL);
    if (packed != 0 && !ZSTD_isError(packed) && packed < length - length / 8)
        return xk_frame_write(pump->stream, XK_FRAME_DATA, XK_FRAME_ZSTD,
                              pump->packed, packed, length, silence(pump),
                              &pump->error);
    return xk_frame_write(pump->stream, XK_FRAME_DATA, 0, pump->chunk, length,
                          length, silence(pump), &pump->error);
}

static int
send_chunk(struct xk_pump *pump, size_t length)
{
    bool compress =
        pump->compressor != NULL && xk_compression_next(&pump->choice);
    int64_t begin_ns = xk_now_ns();

    count_bytes(pump, pump->chunk, length);
    if (send_in_one_way(pump, length, compress) == -1)
        return -1;
    xk_compression_took(&pump->choice, length, xk_now_ns() - begin_ns);
    return 0;
}

/* Meanwhile the target sends only ALIVE and FAILED. */
static int
hear_target(struct xk_pump *pump)
{
    if (xk_frame_read(pump->back, &pump->frame, silence(pump), &pump->error) ==
        -1)
        return -1;
    if (pump->frame.type == XK_FRAME_ALIVE)
        return 0;
    if (pump->frame.type == XK_FRAME_FAILED)
        return xk_peer_failed(&pump->frame, pump->back->what, &pump->error);
    return xk_peer_unexpected(&pump->frame, pump->back->what, "alive",
                              &pump->error);
}

static int
send_alive(struct xk_pump *pump)
{
    return xk_frame_write(pump->stream, XK_FRAME_ALIVE, 0, "{}", 2, 2,
                          silence(pump), &pump->error);
}

/* Read as much of the driver's stream as is available, so that few frames are
 * needed. Returns 1 for some (perhaps no) data, 0 at the end, -1 on error. */
static int
read_chunk(struct xk_pump *pump, size_t *length)
{
    ssize_t got = read(pump->pipe_fd, pump->chunk, XK_FRAME_PAYLOAD_MAX);

    if (got == -1 && errno != EINTR && errno != EAGAIN)
        return xk_fail_errno(&pump->error, "read the hypervisor's stream");
    *length = got > 0 ? (size_t)got : 0;
    return got != 0;
}

/* Returns 1: call again, 0: done, -1: error. */
static int
step_out(struct xk_pump *pump)
{
    struct pollfd pollers[] = {
        {pump->pipe_fd, POLLIN, 0},
        {pump->stop_fd, POLLIN, 0},
        {pump->back != NULL ? pump->back->fd : -1, POLLIN, 0},
    };
    size_t length = 0;
    int r = 1;

    if (poll(pollers, XK_ARRAY_SIZE(pollers), ALIVE_MS) == 0)
        return pump->back == NULL || send_alive(pump) == 0 ? 1 : -1;
    if (pollers[1].revents != 0)
        return 0;
    if (pollers[2].revents != 0 && hear_target(pump) == -1)
        return -1;
    if (pollers[0].revents != 0)
        r = read_chunk(pump, &length);
    if (length > 0 && send_chunk(pump, length) == -1)
        return -1;
    return r;
}

/* ---- in ---- */

/* Returns the frame's payload, decompressed; NULL on error. */
static const char *
expand(struct xk_pump *pump)
{
    const struct xk_frame *frame = &pump->frame;
    size_t length;

    if ((frame->flags & XK_FRAME_ZSTD) == 0)
        return frame->payload.data;
    length =
        ZSTD_decompressDCtx(pump->expander, pump->chunk, XK_FRAME_PAYLOAD_MAX,
                            frame->payload.data, frame->payload.length);
    if (!ZSTD_isError(length) && length == frame->expanded)
        return pump->chunk;
    xk_fail(
        &pump->error, XK_ERR_PROTOCOL,
        "a compressed frame of %s does not decompress to the length it states",
        pump->stream->what);
    return NULL;
}

/* Write data to the driver. If the driver has closed its end, set driver_left
 * and return 0. */
static int
give_driver(struct xk_pump *pump, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(pump->pipe_fd, data, length);

        if (written == -1 && (errno == EPIPE || errno == ECONNRESET)) {
            pump->driver_left = true;
            return 0;
        }
        if (written == -1 && errno == EAGAIN) {
            if (xk_deadline_poll(silence(pump), pump->pipe_fd, POLLOUT,
                                 "the hypervisor", &pump->error) == -1)
                return -1;
            continue;
        }
        if (written == -1 && errno != EINTR)
            return xk_fail_errno(&pump->error, "write to the hypervisor");
        if (written > 0) {
            data += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

static int
check_end(struct xk_pump *pump)
{
    XK_CLEANUP_JSON struct xk_json *end =
        xk_frame_parse(&pump->frame, pump->stream->what, &pump->error);
    const char *sent = xk_json_string(xk_json_get(end, "hash"));
    char hash[33];
    int64_t bytes = -1;

    if (end == NULL)
        return -1;
    format_hash(pump, hash);
    if (xk_json_integer(xk_json_get(end, "bytes"), &bytes) &&
        (uint64_t)bytes == pump->bytes && sent != NULL &&
        strcmp(sent, hash) == 0)
        return 0;
    return xk_fail(&pump->error, XK_ERR_PROTOCOL,
                   "the data from %s was damaged in transit: its hash differs",
                   pump->stream->what);
}

static int
step_in(struct xk_pump *pump)
{
    struct pollfd pollers[] = {
        {pump->stream->fd, POLLIN, 0},
        {pump->stop_fd, POLLIN, 0},
    };
    const char *data;
    int timeout_ms = xk_deadline_poll_ms(silence(pump));

    if (poll(pollers, XK_ARRAY_SIZE(pollers), timeout_ms) > 0 &&
        pollers[1].revents != 0)
        return 0;
    if (xk_frame_read(pump->stream, &pump->frame, silence(pump),
                      &pump->error) == -1)
        return -1;
    switch ((int)pump->frame.type) {
    case XK_FRAME_ALIVE:
        return 1;
    case XK_FRAME_DATA_END:
        return check_end(pump);
    case XK_FRAME_FAILED:
        return xk_peer_failed(&pump->frame, pump->stream->what, &pump->error);
    case XK_FRAME_DATA:
        data = expand(pump);
        if (data == NULL)
            return -1;
        count_bytes(pump, data, pump->frame.expanded);
        if (give_driver(pump, data, pump->frame.expanded) == -1)
            return -1;
        return !pump->driver_left;
    default:
        return xk_peer_unexpected(&pump->frame, pump->stream->what, "data",
                                  &pump->error);
    }
}

/* ---- the thread ---- */

static void *
run_out(void *context)
{
    struct xk_pump *pump = context;

    do
        pump->result = step_out(pump);
    while (pump->result == 1);
    __atomic_store_n(&pump->failed, pump->result == -1, __ATOMIC_RELEASE);
    close(xk_take_fd(&pump->pipe_fd));
    return NULL;
}

static void *
run_in(void *context)
{
    struct xk_pump *pump = context;

    do
        pump->result = step_in(pump);
    while (pump->result == 1);
    __atomic_store_n(&pump->failed, pump->result == -1, __ATOMIC_RELEASE);
    close(xk_take_fd(&pump->pipe_fd));
    return NULL;
}

/* In: a socket pair, because QEMU does not notice the end of a pipe that
 * nothing was ever written to, and spins. Out: a pipe, which holds more. */
static int
make_ends(bool out, int ends[2])
{
    if (!out)
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    if (pipe2(ends, O_CLOEXEC) == -1)
        return -1;
    /* Best effort: a smaller pipe only is slower. */
    fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE);
    return 0;
}

static int
set_up(struct xk_pump *pump, bool out, int *driver_fd, struct xk_error *err)
{
    int ends[2];

    pump->hash = XXH3_createState();
    pump->choice.how = pump->options.compression;
    if (out && pump->choice.how != XK_COMPRESSION_NONE)
        pump->compressor = ZSTD_createCCtx();
    if (!out)
        pump->expander = ZSTD_createDCtx();
    if (pump->hash == NULL || (!out && pump->expander == NULL))
        return xk_fail(err, XK_ERR_HOST, "out of memory");
    XXH3_128bits_reset(pump->hash);
    pump->chunk = xk_calloc(1, XK_FRAME_PAYLOAD_MAX);
    pump->packed_room = ZSTD_compressBound(XK_FRAME_PAYLOAD_MAX);
    if (pump->compressor != NULL)
        pump->packed = xk_calloc(1, pump->packed_room);
    pump->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (pump->stop_fd == -1 || make_ends(out, ends) == -1)
        return xk_fail_errno(err, "pipe");
    pump->pipe_fd = ends[out ? 0 : 1];
    *driver_fd = ends[out ? 1 : 0];
    fcntl(pump->pipe_fd, F_SETFL, O_NONBLOCK);
    return 0;
}

static struct xk_pump *
start(struct xk_frame_stream *stream, struct xk_frame_stream *back,
      const struct xk_pump_options *options, bool out, int *driver_fd,
      struct xk_error *err)
{
    struct xk_pump *pump = XK_NEW(struct xk_pump);
    sigset_t all, before;
    int r;

    *pump = (struct xk_pump){.stream = stream,
                             .back = back,
                             .options = *options,
                             .pipe_fd = -1,
                             .stop_fd = -1};
    *driver_fd = -1;
    if (set_up(pump, out, driver_fd, err) == -1)
        goto fail;
    /* Block all signals in the new thread: the caller's thread handles them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&pump->thread, NULL, out ? run_out : run_in, pump);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r == 0)
        return pump;
    errno = r;
    xk_fail_errno(err, "start a thread");
fail:
    if (*driver_fd != -1)
        close(xk_take_fd(driver_fd));
    free_pump(pump);
    return NULL;
}

struct xk_pump *
xk_pump_out(struct xk_frame_stream *to, struct xk_frame_stream *back,
            const struct xk_pump_options *options, int *driver_fd,
            struct xk_error *err)
{
    return start(to, back, options, true, driver_fd, err);
}

struct xk_pump *
xk_pump_in(struct xk_frame_stream *from, const struct xk_pump_options *options,
           int *driver_fd, struct xk_error *err)
{
    return start(from, NULL, options, false, driver_fd, err);
}

bool
xk_pump_has_failed(const struct xk_pump *pump)
{
    return __atomic_load_n(&pump->failed, __ATOMIC_ACQUIRE);
}

int
xk_pump_join(struct xk_pump *pump, bool failed, struct xk_pump_totals *totals,
             struct xk_error *err)
{
    int r;

    if (failed)
        eventfd_write(pump->stop_fd, 1);
    pthread_join(pump->thread, NULL);
    r = pump->result;
    if (r == -1 && err != NULL)
        *err = pump->error;
    if (totals != NULL) {
        totals->bytes = pump->bytes;
        format_hash(pump, totals->hash);
    }
    free_pump(pump);
    return r;
}

void
xk_pump_put_totals(struct xk_json_writer *writer,
                   const struct xk_pump_totals *totals)
{
    xk_json_put_integer(writer, "bytes", (int64_t)totals->bytes);
    xk_json_put_string(writer, "hash", totals->hash);
}
