/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine of an image that another process serves over NBD: QEMU's block
 * layer, for every format but raw. Each queue has its own connection.
 *
 * How it works. libnbd speaks the protocol; the queue's loop only polls its
 * socket for the directions that libnbd wants (arm()). If the server dies, the
 * requests in flight and all later ones fail, and engine->lost is set.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libnbd.h>

#include "backends/block/engine/engine.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/util.h"

enum {
    CONNECT_MS = 10000,
    SECTOR_BYTES = 512,
};

struct nbd_engine {
    struct xk_engine base;
    char *socket;
    uint64_t bytes;
    bool can_flush;
};

struct nbd_queue {
    struct xk_engine_queue base;
    struct nbd_handle *nbd;
    struct xk_loop_op in_op, out_op;
    bool in_armed, out_armed;
};

static struct nbd_engine *
of(struct xk_engine *engine)
{
    return (struct nbd_engine *)engine;
}

static int
fail_nbd(struct xk_error *err, const char *what, const char *socket)
{
    return xk_fail(err, XK_ERR_FAILED, "%s the NBD server at \"%s\": %s", what,
                   socket, nbd_get_error());
}

/* Do one step of a blocking call; libnbd's own calls have no deadline. */
static int
step(struct nbd_handle *nbd, const char *socket, struct xk_deadline deadline,
     struct xk_error *err)
{
    if (xk_deadline_left_ms(deadline) == 0)
        return xk_fail(err, XK_ERR_TIMEOUT,
                       "the NBD server at \"%s\" did not answer in time",
                       socket);
    if (nbd_aio_is_dead(nbd) == 1 || nbd_aio_is_closed(nbd) == 1 ||
        nbd_poll(nbd, xk_deadline_poll_ms(deadline)) == -1)
        return fail_nbd(err, "talk to", socket);
    return 0;
}

static int
await_ready(struct nbd_handle *nbd, const char *socket,
            struct xk_deadline deadline, struct xk_error *err)
{
    while (nbd_aio_is_ready(nbd) == 0) {
        if (step(nbd, socket, deadline, err) == -1)
            return -1;
    }
    return 0;
}

static struct nbd_handle *
connect_to(const char *socket, struct xk_deadline deadline,
           struct xk_error *err)
{
    struct nbd_handle *nbd = nbd_create();

    if (nbd == NULL) {
        fail_nbd(err, "prepare for", socket);
    } else if (nbd_set_export_name(nbd, "") == -1 ||
               nbd_aio_connect_unix(nbd, socket) == -1) {
        fail_nbd(err, "connect to", socket);
    } else if (await_ready(nbd, socket, deadline, err) == 0)
        return nbd;
    nbd_close(nbd);
    return NULL;
}

static void arm(struct nbd_queue *queue);

static void
arm_one(struct nbd_queue *queue, struct xk_loop_op *op, bool *armed,
        unsigned events)
{
    struct io_uring_sqe *sqe;

    if (*armed)
        return;
    sqe = xk_loop_sqe(queue->base.loop);
    io_uring_prep_poll_add(sqe, nbd_aio_get_fd(queue->nbd), events);
    xk_loop_start(queue->base.loop, sqe, op);
    *armed = true;
}

static bool
is_over(struct nbd_queue *queue)
{
    bool over =
        nbd_aio_is_dead(queue->nbd) == 1 || nbd_aio_is_closed(queue->nbd) == 1;

    if (over)
        queue->base.engine->lost = true;
    return over;
}

static void
arm(struct nbd_queue *queue)
{
    unsigned direction;

    if (is_over(queue))
        return;
    direction = nbd_aio_get_direction(queue->nbd);
    if ((direction & LIBNBD_AIO_DIRECTION_READ) != 0)
        arm_one(queue, &queue->in_op, &queue->in_armed, POLLIN);
    if ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0)
        arm_one(queue, &queue->out_op, &queue->out_armed, POLLOUT);
}

static void
can_read(struct xk_loop_op *op, int result)
{
    struct nbd_queue *queue = XK_CONTAINER_OF(op, struct nbd_queue, in_op);

    (void)result;
    queue->in_armed = false;
    if (!is_over(queue) &&
        (nbd_aio_get_direction(queue->nbd) & LIBNBD_AIO_DIRECTION_READ) != 0)
        nbd_aio_notify_read(queue->nbd);
    arm(queue);
}

static void
can_write(struct xk_loop_op *op, int result)
{
    struct nbd_queue *queue = XK_CONTAINER_OF(op, struct nbd_queue, out_op);

    (void)result;
    queue->out_armed = false;
    if (!is_over(queue) &&
        (nbd_aio_get_direction(queue->nbd) & LIBNBD_AIO_DIRECTION_WRITE) != 0)
        nbd_aio_notify_write(queue->nbd);
    arm(queue);
}

/* Deliver a result from the loop. completed() runs inside libnbd, which must
 * not be called again from there, so it goes through the loop. */
static void
carry_on(struct xk_loop_op *op, int result)
{
    struct xk_io *io = XK_CONTAINER_OF(op, struct xk_io, op);

    (void)result;
    io->done(io, (int)io->tries);
}

static int
completed(void *context, int *error)
{
    struct xk_io *io = (struct xk_io *)context;
    struct io_uring_sqe *sqe = xk_loop_sqe(io->queue->loop);

    if (*error != 0)
        is_over((struct nbd_queue *)io->queue);
    io->tries = (unsigned)*error;
    io->op.done = carry_on;
    io_uring_prep_nop(sqe);
    xk_loop_start(io->queue->loop, sqe, &io->op);
    return 1; /* libnbd may free the command */
}

static int64_t
start(struct nbd_queue *queue, struct xk_io *io)
{
    nbd_completion_callback done = {.callback = completed, .user_data = io};

    switch (io->kind) {
    case XK_IO_READ:
        return nbd_aio_pread(queue->nbd, io->iov->iov_base, io->iov->iov_len,
                             io->offset, done, 0);
    case XK_IO_WRITE:
        return nbd_aio_pwrite(queue->nbd, io->iov->iov_base, io->iov->iov_len,
                              io->offset, done, 0);
    case XK_IO_FLUSH:
        return nbd_aio_flush(queue->nbd, done, 0);
    case XK_IO_DISCARD:
        return nbd_aio_trim(queue->nbd, io->length, io->offset, done, 0);
    case XK_IO_KINDS:
        break;
    }
    abort();
}

static void
submit(struct xk_engine_queue *base, struct xk_io *io)
{
    struct nbd_queue *queue = (struct nbd_queue *)base;

    /* A server that does not support flush persists all it acknowledges. */
    if ((io->kind == XK_IO_FLUSH && !of(base->engine)->can_flush) ||
        (io->kind == XK_IO_DISCARD && io->length == 0)) {
        io->done(io, 0);
        return;
    }
    if (start(queue, io) == -1) {
        int errnum = nbd_get_errno();

        is_over(queue);

        io->done(io, errnum != 0 ? errnum : EIO);
    }
    arm(queue);
}

static struct xk_engine_queue *
open_queue(struct xk_engine *engine, struct xk_loop *loop, struct xk_error *err)
{
    struct nbd_queue *queue;
    struct nbd_handle *nbd =
        connect_to(of(engine)->socket, xk_deadline_in_ms(CONNECT_MS), err);

    (void)loop;
    if (nbd == NULL)
        return NULL;
    queue = XK_NEW(struct nbd_queue);
    queue->nbd = nbd;
    queue->in_op.done = can_read;
    queue->out_op.done = can_write;
    return &queue->base;
}

static void
close_queue(struct xk_engine_queue *base)
{
    struct nbd_queue *queue = (struct nbd_queue *)base;

    nbd_aio_disconnect(queue->nbd, 0);
    nbd_close(queue->nbd);
    free(queue);
}

/* NBD cannot resize an export while a client is connected. */
static int
measure(struct xk_engine *engine, uint64_t *bytes, struct xk_error *err)
{
    (void)err;
    *bytes = of(engine)->bytes;
    return 0;
}

static void
close_engine(struct xk_engine *engine)
{
    free(of(engine)->socket);
    free(engine);
}

static const struct xk_engine_ops nbd_ops = {
    .open_queue = open_queue,
    .close_queue = close_queue,
    .submit = submit,
    .measure = measure,
    .close = close_engine,
};

/* Returns a number that identifies the process at the other end of the socket;
 * 0 if it cannot be determined. */
static uint64_t
server_of(struct nbd_handle *nbd)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);
    struct xk_process process;

    if (getsockopt(nbd_aio_get_fd(nbd), SOL_SOCKET, SO_PEERCRED, &peer,
                   &length) == -1 ||
        !xk_process_identify(peer.pid, &process))
        return 0;
    return process.start_ticks << 24 ^ (uint64_t)process.pid;
}

static int
learn(struct nbd_engine *engine, struct nbd_handle *nbd,
      const struct xk_engine_options *options, struct xk_error *err)
{
    int64_t bytes = nbd_get_size(nbd);

    if (bytes == -1)
        return fail_nbd(err, "ask", options->path);
    if (!options->read_only && nbd_is_read_only(nbd) == 1)
        return xk_fail(err, XK_ERR_CONFIG,
                       "the NBD server at \"%s\" only allows reading: make the "
                       "disk read-only",
                       options->path);
    /* A format may end an image within a sector: ignore the last part. */
    engine->bytes = (uint64_t)bytes / SECTOR_BYTES * SECTOR_BYTES;
    engine->can_flush = nbd_can_flush(nbd) == 1;
    engine->base.read_only = options->read_only;
    engine->base.discard =
        options->discard && !options->read_only && nbd_can_trim(nbd) == 1;
    engine->base.one_queue =
        !options->read_only && nbd_can_multi_conn(nbd) != 1;
    engine->base.server = server_of(nbd);
    engine->base.physical_bytes = 4096;
    engine->base.discard_granularity = 4096;
    return xk_engine_measure(&engine->base, err);
}

struct xk_engine *
xk_nbd_engine_open(const struct xk_engine_options *options,
                   struct xk_error *err)
{
    struct nbd_handle *nbd =
        connect_to(options->path, xk_deadline_in_ms(CONNECT_MS), err);
    struct nbd_engine *engine;
    int rc;

    if (nbd == NULL)
        return NULL;
    engine = XK_NEW(struct nbd_engine);
    engine->base.ops = &nbd_ops;
    engine->socket = xk_strdup(options->path);
    rc = learn(engine, nbd, options, err);
    nbd_shutdown(nbd, 0);
    nbd_close(nbd);
    if (rc == 0)
        return &engine->base;
    close_engine(&engine->base);
    return NULL;
}

/* ---- a single flush over its own connection ---- */

static int
await_command(struct nbd_handle *nbd, int64_t command, const char *socket,
              struct xk_nbd_outcome *outcome, struct xk_deadline deadline,
              struct xk_error *err)
{
    int done;

    while ((done = nbd_aio_command_completed(nbd, (uint64_t)command)) == 0) {
        if (step(nbd, socket, deadline, err) == -1)
            return -1;
    }
    if (done == 1)
        return 0;
    if (nbd_aio_is_dead(nbd) == 1 || nbd_aio_is_closed(nbd) == 1)
        return fail_nbd(err, "talk to", socket);
    outcome->error = nbd_get_errno() != 0 ? nbd_get_errno() : EIO;
    return 0;
}

static int
flush(struct nbd_handle *nbd, const char *socket, void (*asks)(void *context),
      void *context, struct xk_nbd_outcome *outcome,
      struct xk_deadline deadline, struct xk_error *err)
{
    int64_t command;

    if (nbd_can_flush(nbd) != 1)
        return 0; /* the server persists all it acknowledges */
    if (asks != NULL)
        asks(context);
    command = nbd_aio_flush(nbd, NBD_NULL_COMPLETION, 0);
    if (command == -1)
        return fail_nbd(err, "talk to", socket);
    return await_command(nbd, command, socket, outcome, deadline, err);
}

int
xk_nbd_flush(const char *socket, void (*asks)(void *context), void *context,
             struct xk_nbd_outcome *outcome, struct xk_deadline deadline,
             struct xk_error *err)
{
    struct nbd_handle *nbd = connect_to(
        socket, xk_deadline_min(deadline, xk_deadline_in_ms(CONNECT_MS)), err);
    int r;

    if (nbd == NULL)
        return -1;
    *outcome = (struct xk_nbd_outcome){.server = server_of(nbd)};
    r = flush(nbd, socket, asks, context, outcome, deadline, err);
    if (r == 0)
        nbd_shutdown(nbd, 0);
    nbd_close(nbd);
    return r;
}
