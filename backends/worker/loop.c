/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/worker/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

static const uint8_t allowed[] = {
    IORING_OP_NOP,         IORING_OP_READV,  IORING_OP_WRITEV,
    IORING_OP_READ,        IORING_OP_WRITE,  IORING_OP_READ_FIXED,
    IORING_OP_WRITE_FIXED, IORING_OP_FSYNC,  IORING_OP_FALLOCATE,
    IORING_OP_POLL_ADD,    IORING_OP_TIMEOUT};

/* liburing 2.3 declares wrappers for the two operations that we need here, but
 * does not export them. */
static int
register_op(struct io_uring *ring, unsigned op, void *argument, unsigned count)
{
    long rc =
        syscall(__NR_io_uring_register, ring->ring_fd, op, argument, count);

    return rc < 0 ? -errno : 0;
}

static const uint8_t allowed_registers[] = {IORING_REGISTER_BUFFERS,
                                            IORING_UNREGISTER_BUFFERS};

enum {
    RULES = sizeof(allowed) + sizeof(allowed_registers) + 1
};

static int
restrict_ring(struct io_uring *ring)
{
    struct io_uring_restriction rules[RULES];
    size_t count = 0;

    memset(rules, 0, sizeof(rules));
    for (size_t i = 0; i < XK_ARRAY_SIZE(allowed); i++) {
        rules[count].opcode = IORING_RESTRICTION_SQE_OP;
        rules[count++].sqe_op = allowed[i];
    }
    for (size_t i = 0; i < XK_ARRAY_SIZE(allowed_registers); i++) {
        rules[count].opcode = IORING_RESTRICTION_REGISTER_OP;
        rules[count++].register_op = allowed_registers[i];
    }
    rules[count].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
    rules[count++].sqe_flags = IOSQE_CQE_SKIP_SUCCESS;
    return register_op(ring, IORING_REGISTER_RESTRICTIONS, rules,
                       (unsigned)count);
}

/* DEFER_TASKRUN (Linux 6.1) completes operations during our own wait instead of
 * interrupting us. An older kernel refuses it: retry without. */
static int
set_up_ring(struct io_uring *ring, unsigned entries)
{
    static const unsigned flags[] = {
        IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
            IORING_SETUP_DEFER_TASKRUN,
        IORING_SETUP_R_DISABLED,
    };
    int rc = -EINVAL;

    for (size_t i = 0; i < XK_ARRAY_SIZE(flags) && rc == -EINVAL; i++) {
        struct io_uring_params params = {
            .flags = flags[i] | IORING_SETUP_CQSIZE, .cq_entries = entries * 4};

        rc = io_uring_queue_init_params(entries, ring, &params);
    }
    return rc;
}

void
xk_loop_pin(struct xk_loop *loop, void *memory, size_t bytes)
{
    struct iovec iov = {.iov_base = memory, .iov_len = bytes};

    if (io_uring_register_buffers(&loop->ring, &iov, 1) != 0)
        return;
    loop->fixed = (uint8_t *)memory;
    loop->fixed_bytes = bytes;
}

void
xk_loop_unpin(struct xk_loop *loop)
{
    if (loop->fixed == NULL)
        return;
    io_uring_unregister_buffers(&loop->ring);
    loop->fixed = NULL;
    loop->fixed_bytes = 0;
}

bool
xk_loop_is_fixed(const struct xk_loop *loop, const void *memory, size_t bytes)
{
    const uint8_t *at = (const uint8_t *)memory;

    return loop->fixed != NULL && at >= loop->fixed &&
           bytes <= loop->fixed_bytes &&
           (size_t)(at - loop->fixed) <= loop->fixed_bytes - bytes;
}

int
xk_loop_open(struct xk_loop *loop, unsigned entries, struct xk_error *err)
{
    int rc = set_up_ring(&loop->ring, entries);

    loop->pending = 0;
    loop->fixed = NULL;
    loop->fixed_bytes = 0;
    if (rc < 0)
        return xk_fail(err, XK_ERR_HOST,
                       "io_uring: %s: this kernel or its settings "
                       "(kernel.io_uring_disabled, RLIMIT_MEMLOCK) refuse it",
                       strerror(-rc));
    /* Saves each call taking a reference to the descriptor; may fail. */
    (void)io_uring_register_ring_fd(&loop->ring);
    rc = restrict_ring(&loop->ring);
    if (rc == 0)
        rc = register_op(&loop->ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (rc < 0) {
        io_uring_queue_exit(&loop->ring);
        return xk_fail(err, XK_ERR_HOST, "restrict io_uring: %s",
                       strerror(-rc));
    }
    return 0;
}

void
xk_loop_close(struct xk_loop *loop)
{
    io_uring_queue_exit(&loop->ring);
}

struct io_uring_sqe *
xk_loop_sqe(struct xk_loop *loop)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);

    while (sqe == NULL) {
        io_uring_submit(&loop->ring);
        sqe = io_uring_get_sqe(&loop->ring);
    }
    return sqe;
}

void
xk_loop_start(struct xk_loop *loop, struct io_uring_sqe *sqe,
              struct xk_loop_op *op)
{
    io_uring_sqe_set_data(sqe, op);
    if (op == NULL)
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    else
        loop->pending++;
}

void
xk_loop_start_timer(struct xk_loop *loop, int64_t ns,
                    struct __kernel_timespec *room, struct xk_loop_op *op)
{
    struct io_uring_sqe *sqe = xk_loop_sqe(loop);

    if (ns < 0)
        ns = 0;
    *room = (struct __kernel_timespec){.tv_sec = ns / 1000000000,
                                       .tv_nsec = ns % 1000000000};
    io_uring_prep_timeout(sqe, room, 0, 0);
    xk_loop_start(loop, sqe, op);
}

static void
complete_all(struct xk_loop *loop)
{
    struct io_uring_cqe *cqe;

    while (io_uring_peek_cqe(&loop->ring, &cqe) == 0 && cqe != NULL) {
        struct xk_loop_op *op = (struct xk_loop_op *)io_uring_cqe_get_data(cqe);
        int result = cqe->res;

        io_uring_cqe_seen(&loop->ring, cqe);
        if (op != NULL) {
            loop->pending--;
            op->done(op, result);
        }
    }
}

int
xk_loop_run(struct xk_loop *loop, bool wait, struct xk_error *err)
{
    int rc;

    if (wait)
        rc = io_uring_submit_and_wait(&loop->ring, 1);
    else if (io_uring_sq_ready(&loop->ring) > 0)
        rc = io_uring_submit_and_get_events(&loop->ring);
    else
        rc = 0;
    if (rc < 0 && rc != -EINTR && rc != -EBUSY && rc != -EAGAIN)
        return xk_fail(err, XK_ERR_FAILED, "io_uring: %s", strerror(-rc));
    complete_all(loop);
    return 0;
}

int
xk_loop_run_all(struct xk_loop *loop, const unsigned *left,
                struct xk_error *err)
{
    while (*left > 0) {
        if (xk_loop_run(loop, true, err) == -1)
            return -1;
    }
    return 0;
}
