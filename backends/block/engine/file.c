/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine of a raw image in a file or on a block device.
 *
 * How it works. Requests go to the thread's io_uring, past the page cache if
 * the file system supports that. Requests to an image in memory (tmpfs) are
 * made directly: io_uring would hand each of them to a kernel thread. If the
 * device's block size forbids a request past the page cache (EINVAL), it is
 * repeated through the page cache; Linux keeps the two coherent.
 */
#include "backends/block/engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "backends/block/engine/file_flushes.h"
#include "backends/block/engine/file_window.h"
#include "backends/block/engine/image_lock.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    TRIES_MAX = 1000, /* of a request that fails with EAGAIN or EINTR */
    PAGE_BYTES = 4096,
    RETRY_MS = 20,
    PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
};

struct file_engine {
    struct xk_engine base;
    /* Both descriptions are locked. A request in flight keeps its description
     * open, and so the lock held, even if this process is killed. */
    int fd;     /* through the page cache */
    int direct; /* past the page cache; -1: not possible or not wanted */
    bool in_memory;
    _Atomic unsigned asking;       /* queues that wait for the flusher */
    struct xk_file_window *window; /* NULL: none */
};

struct file_queue {
    struct xk_engine_queue base;
    struct xk_file_flushes *flushes; /* NULL: nothing is written */
};

static struct file_engine *
of(struct xk_engine *engine)
{
    return (struct file_engine *)engine;
}

static struct xk_io *
io_of(struct xk_loop_op *op)
{
    return XK_CONTAINER_OF(op, struct xk_io, op);
}

/* Advance iov past the bytes that were read or written. */
static void
advance(struct xk_io *io, uint64_t bytes)
{
    io->left -= bytes;
    while (bytes > 0 && bytes >= io->iov->iov_len) {
        bytes -= io->iov->iov_len;
        io->iov++;
        io->iov_count--;
    }
    if (bytes > 0) {
        io->iov->iov_base = (char *)io->iov->iov_base + bytes;
        io->iov->iov_len -= bytes;
    }
}

static uint64_t
position(const struct xk_io *io)
{
    return io->offset + (io->length - io->left);
}

static void finish_piece(struct xk_loop_op *op, int result);

static void
prepare_fixed(struct xk_io *io, struct io_uring_sqe *sqe, int fd)
{
    unsigned length = (unsigned)io->iov->iov_len;

    if (io->kind == XK_IO_READ)
        io_uring_prep_read_fixed(sqe, fd, io->iov->iov_base, length,
                                 position(io), 0);
    else
        io_uring_prep_write_fixed(sqe, fd, io->iov->iov_base, length,
                                  position(io), 0);
}

static void
start_transfer(struct xk_io *io, bool direct)
{
    struct file_engine *file = of(io->queue->engine);
    struct io_uring_sqe *sqe = xk_loop_sqe(io->queue->loop);
    int fd = direct && file->direct != -1 ? file->direct : file->fd;

    if (fd == file->direct && io->iov_count == 1 &&
        xk_loop_is_fixed(io->queue->loop, io->iov->iov_base, io->iov->iov_len))
        prepare_fixed(io, sqe, fd);
    else if (io->kind == XK_IO_READ)
        io_uring_prep_readv(sqe, fd, io->iov, io->iov_count, position(io));
    else
        io_uring_prep_writev(sqe, fd, io->iov, io->iov_count, position(io));
    io->op.done = finish_piece;
    xk_loop_start(io->queue->loop, sqe, &io->op);
}

/* React to the result of a transfer that may have been partial. Returns true if
 * the request was submitted again. */
static bool
goes_on(struct xk_io *io, int result)
{
    bool again = result == -EAGAIN || result == -EINTR;

    if (again && ++io->tries < TRIES_MAX) {
        start_transfer(io, true);
        return true;
    }
    if (result == -EINVAL && io->tries < TRIES_MAX) {
        io->tries = TRIES_MAX; /* retry once, without O_DIRECT */
        start_transfer(io, false);
        return true;
    }
    if (result <= 0)
        return false;
    advance(io, (uint64_t)result);
    if (io->left > 0)
        start_transfer(io, true);
    return io->left > 0;
}

static void
finish_piece(struct xk_loop_op *op, int result)
{
    struct xk_io *io = io_of(op);

    if (goes_on(io, result))
        return;
    /* The file was truncated behind our back, or there is no progress. */
    if (result == 0)
        result = -EIO;
    io->done(io, result < 0 ? -result : 0);
}

static void
finish_whole(struct xk_loop_op *op, int result)
{
    struct xk_io *io = io_of(op);

    io->done(io, result < 0 ? -result : 0);
}

static void
start_discard(struct xk_io *io)
{
    struct file_engine *file = of(io->queue->engine);
    struct io_uring_sqe *sqe;

    if (file->window != NULL)
        xk_file_window_forget(file->window, io->offset, io->length);
    sqe = xk_loop_sqe(io->queue->loop);
    io_uring_prep_fallocate(sqe, file->fd, PUNCH, (off_t)io->offset,
                            (off_t)io->length);
    io->op.done = finish_whole;
    xk_loop_start(io->queue->loop, sqe, &io->op);
}

/* Transfer synchronously: an image in memory does not block. */
static void
transfer_now(struct xk_io *io)
{
    int fd = of(io->queue->engine)->fd;

    while (io->left > 0) {
        ssize_t n;

        if (io->kind == XK_IO_READ)
            n = preadv(fd, io->iov, (int)io->iov_count, (off_t)position(io));
        else
            n = pwritev(fd, io->iov, (int)io->iov_count, (off_t)position(io));
        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0) {
            io->done(io, n == 0 ? EIO : errno);
            return;
        }
        advance(io, (uint64_t)n);
    }
    io->done(io, 0);
}

static void
submit(struct xk_engine_queue *queue, struct xk_io *io)
{
    struct file_engine *file = of(queue->engine);

    switch (io->kind) {
    case XK_IO_READ:
    case XK_IO_WRITE:
        if (file->in_memory)
            transfer_now(io);
        else
            start_transfer(io, true);
        break;
    case XK_IO_FLUSH:
        if (file->in_memory || queue->engine->read_only)
            io->done(io, 0);
        else
            xk_file_flushes_add(((struct file_queue *)queue)->flushes, io);
        break;
    case XK_IO_DISCARD:
        if (io->length == 0)
            io->done(io, 0);
        else
            start_discard(io);
        break;
    case XK_IO_KINDS:
        abort();
    }
}

/* Open the same file again, through /proc in case it was renamed. */
static int
open_again(const struct file_engine *file, bool read_only, int flags)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
    return open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | flags);
}

static void
close_queue(struct xk_engine_queue *base)
{
    struct file_queue *queue = (struct file_queue *)base;

    xk_file_flushes_free(queue->flushes);
    free(queue);
}

static struct xk_engine_queue *
open_queue(struct xk_engine *engine, struct xk_loop *loop, struct xk_error *err)
{
    struct file_queue *queue = XK_NEW(struct file_queue);
    int fd;

    /* A read-only image needs no flushes. */
    if (engine->read_only)
        return &queue->base;
    fd = open_again(of(engine), false, 0);
    if (fd == -1)
        xk_fail_errno(err, "open the image once more");
    else
        queue->flushes =
            xk_file_flushes_new(engine, loop, fd, &of(engine)->asking, err);
    if (queue->flushes != NULL)
        return &queue->base;
    close_queue(&queue->base);
    return NULL;
}

static int
measure(struct xk_engine *engine, uint64_t *bytes, struct xk_error *err)
{
    struct stat st;

    if (fstat(of(engine)->fd, &st) == -1)
        return xk_fail_errno(err, "look at the image");
    if (!S_ISBLK(st.st_mode)) {
        *bytes = (uint64_t)st.st_size;
        return 0;
    }
    if (ioctl(of(engine)->fd, BLKGETSIZE64, bytes) == -1)
        return xk_fail_errno(err, "ask the block device for its size");
    return 0;
}

static int
image_fd(const struct xk_engine *engine)
{
    const struct file_engine *file = (const struct file_engine *)engine;

    return engine->read_only || file->in_memory ? -1 : file->fd;
}

static void *
window(struct xk_engine *engine, uint64_t offset, uint64_t length)
{
    struct file_engine *file = of(engine);

    if (file->window == NULL)
        return NULL;
    return xk_file_window_at(file->window, offset, length);
}

static void
close_engine(struct xk_engine *engine)
{
    struct file_engine *file = of(engine);

    xk_file_window_free(file->window);
    if (file->direct != -1)
        close(file->direct);
    if (file->fd != -1)
        close(file->fd);
    free(file);
}

static const struct xk_engine_ops file_ops = {
    .open_queue = open_queue,
    .close_queue = close_queue,
    .submit = submit,
    .window = window,
    .measure = measure,
    .image_fd = image_fd,
    .close = close_engine,
};

/* Open a writable block device exclusively, which fails if it is mounted. If a
 * FIFO or another device has replaced the file that stat() saw, open() could
 * block: open with O_NONBLOCK and check the type again. */
static int
open_image(struct file_engine *file, const struct xk_engine_options *options,
           struct stat *st, struct xk_error *err)
{
    int mode = options->read_only ? O_RDONLY : O_RDWR;

    if (stat(options->path, st) == -1)
        return xk_fail(err, errno == ENOENT ? XK_ERR_CONFIG : XK_ERR_SYSTEM,
                       "image \"%s\": %s", options->path, strerror(errno));
    if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
        return xk_fail(err, XK_ERR_CONFIG,
                       "image \"%s\" is neither a file nor a block device",
                       options->path);
    if (S_ISBLK(st->st_mode) && !options->read_only)
        mode |= O_EXCL;
    while ((file->fd = open(options->path,
                            mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) == -1 &&
           errno == EBUSY &&
           xk_deadline_pause(options->lock_deadline, RETRY_MS))
        continue;
    if (file->fd == -1 && errno == EBUSY)
        return xk_fail(err, XK_ERR_IN_USE,
                       "block device \"%s\" is in use: mounted, or part of "
                       "another device",
                       options->path);
    if (file->fd == -1 || fstat(file->fd, st) == -1)
        return xk_fail_errno(err, "open image \"%s\"", options->path);
    if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
        return xk_fail(err, XK_ERR_CONFIG, "image \"%s\" was replaced",
                       options->path);
    /* Clear O_NONBLOCK: io_uring would return EAGAIN instead of waiting for the
     * disk. */
    if (fcntl(file->fd, F_SETFL, 0) == -1)
        return xk_fail_errno(err, "open image \"%s\"", options->path);
    return 0;
}

static bool
is_in_memory(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 &&
           (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static void
learn_geometry(struct file_engine *file, const struct stat *st)
{
    unsigned physical = 0, logical = 0;

    file->base.physical_bytes =
        st->st_blksize >= 512 && st->st_blksize <= PAGE_BYTES
            ? (uint32_t)st->st_blksize
            : 512;
    if (S_ISBLK(st->st_mode) && ioctl(file->fd, BLKPBSZGET, &physical) == 0 &&
        physical >= 512)
        file->base.physical_bytes = physical;
    if (S_ISBLK(st->st_mode) && ioctl(file->fd, BLKSSZGET, &logical) == 0 &&
        logical > file->base.physical_bytes)
        file->base.physical_bytes = logical;
    file->base.discard_granularity = file->base.physical_bytes;
}

/* Switch the first description, which is exclusive for a block device, to
 * direct I/O, and open another for the page cache. Direct requests are the
 * kernel's alone and may outlive this process, so they must hold the exclusive
 * description. A request through the page cache needs a thread of this process,
 * which keeps all of our descriptions open. */
static void
go_direct(struct file_engine *file, bool read_only)
{
    int cached = open_again(file, read_only, 0);

    if (cached == -1)
        return;
    if (xk_image_lock_too(cached, read_only) == -1 ||
        fcntl(file->fd, F_SETFL, O_DIRECT) == -1) {
        close(cached);
        return;
    }
    file->direct = file->fd;
    file->fd = cached;
}

static int
prepare(struct file_engine *file, const struct xk_engine_options *options,
        struct xk_error *err)
{
    struct stat st = {0};

    if (open_image(file, options, &st, err) == -1 ||
        xk_image_lock(file->fd, options->path, options->read_only,
                      options->lock_deadline, err) == -1)
        return -1;
    if (xk_engine_measure(&file->base, err) == -1)
        return xk_wrap(err, "image \"%s\"", options->path);
    file->base.read_only = options->read_only;
    file->base.discard = options->discard && !options->read_only;
    learn_geometry(file, &st);
    file->in_memory = S_ISREG(st.st_mode) && is_in_memory(file->fd);
    if (file->in_memory)
        file->window =
            xk_file_window_new(file->fd, file->base.bytes, options->read_only);
    else if (options->direct)
        go_direct(file, options->read_only);
    file->base.pins = file->direct != -1;
    return 0;
}

struct xk_engine *
xk_file_engine_open(const struct xk_engine_options *options,
                    struct xk_error *err)
{
    struct file_engine *file = XK_NEW(struct file_engine);

    file->base.ops = &file_ops;
    file->fd = file->direct = -1;
    if (prepare(file, options, err) == -1) {
        close_engine(&file->base);
        return NULL;
    }
    return &file->base;
}
