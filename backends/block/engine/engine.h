/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where requests end: an image. An engine is opened once, by name, and then
 * serves any number of queues, each on the loop of its own thread.
 */
#ifndef XK_BACKENDS_BLOCK_ENGINE_ENGINE_H
#define XK_BACKENDS_BLOCK_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "backends/worker/loop.h"
#include "base/deadline.h"
#include "base/error.h"

enum xk_io_kind {
    XK_IO_READ,
    XK_IO_WRITE,
    XK_IO_FLUSH, /* what was completed before stays after a power cut */
    XK_IO_DISCARD,
    XK_IO_KINDS,
};

/* One piece of work; the owner keeps it and its memory until done(). */
struct xk_io {
    enum xk_io_kind kind;
    uint64_t offset;   /* bytes; not for FLUSH */
    uint64_t length;   /* bytes; of all of iov, or to discard */
    struct iovec *iov; /* the engine may change it */
    unsigned iov_count;
    /* error: 0 or a positive errno. May be called within xk_io_submit(). */
    void (*done)(struct xk_io *io, int error);

    struct xk_loop_op op; /* the engine's from here on */
    struct xk_engine_queue *queue;
    struct xk_io *next;
    uint64_t left;
    unsigned tries;
};

struct xk_engine;
struct xk_engine_queue;

struct xk_engine_ops {
    struct xk_engine_queue *(*open_queue)(struct xk_engine *engine,
                                          struct xk_loop *loop,
                                          struct xk_error *err);
    void (*close_queue)(struct xk_engine_queue *queue);
    void (*submit)(struct xk_engine_queue *queue, struct xk_io *io);
    /* Memory that is the image, or NULL: use submit. NULL: never. */
    void *(*window)(struct xk_engine *engine, uint64_t offset, uint64_t length);
    int (*measure)(struct xk_engine *engine, uint64_t *bytes,
                   struct xk_error *err);
    /* A descriptor of the image, where what is written to it may be lost until
     * it is flushed; else -1. NULL: never. */
    int (*image_fd)(const struct xk_engine *engine);
    void (*close)(struct xk_engine *engine);
};

struct xk_engine {
    const struct xk_engine_ops *ops;
    uint64_t bytes; /* multiple of 512 */
    uint32_t physical_bytes;
    uint32_t discard_granularity; /* bytes; where discard is set */
    bool read_only;
    bool discard;
    bool pins;      /* gains from memory that is pinned for it */
    bool one_queue; /* a flush on one queue says nothing of the others */
    /* Which process keeps what was written and not flushed, so that it is lost
     * with that; 0: the kernel does. */
    uint64_t server;
    _Atomic bool lost; /* that process is gone: nothing is served any more */
    /* Where the process listens that flushes (flusher.h), set by the owner
     * before any queue is opened, and the owner's; NULL: each queue does. */
    const char *flusher;
    /* That process has to tell what became of a flush which one before us had
     * under way: it failed, where the process ends before its first answer. Set
     * by the owner before any queue is opened. */
    _Atomic bool owed;
};

struct xk_engine_queue {
    struct xk_engine *engine;
    struct xk_loop *loop;
};

struct xk_engine_options {
    const char *path;    /* file, or the socket of nbd */
    uint64_t null_bytes; /* of null */
    bool read_only;
    bool discard;
    bool direct;
    /* Until when to wait for another that has the image. A process that was
     * killed has it until its last request is done. */
    struct xk_deadline lock_deadline;
};

/* A regular file or block device, raw. Locked at the bytes where QEMU and
 * qemu-img look. XK_ERR_IN_USE where another has it, XK_ERR_CONFIG where it
 * cannot be a disk. */
struct xk_engine *xk_file_engine_open(const struct xk_engine_options *options,
                                      struct xk_error *err);

/* The export "" of an NBD server on a unix socket. */
struct xk_engine *xk_nbd_engine_open(const struct xk_engine_options *options,
                                     struct xk_error *err);

/* What became of a flush by a connection of its own: 0 or a positive errno, and
 * the process that did it (xk_engine.server). -1: nothing is known. Before the
 * server is asked, and only then, asks() is called, which may be NULL. */
struct xk_nbd_outcome {
    int error;
    uint64_t server;
};
int xk_nbd_flush(const char *socket, void (*asks)(void *context), void *context,
                 struct xk_nbd_outcome *outcome, struct xk_deadline deadline,
                 struct xk_error *err);

/* A drive without a medium: of no size, and each request fails. */
struct xk_engine *xk_empty_engine_new(void);

/* Reads zeros, forgets writes; for measurements. */
struct xk_engine *xk_null_engine_open(const struct xk_engine_options *options,
                                      struct xk_error *err);

void xk_engine_close(struct xk_engine *engine);

/* By the thread that owns loop; outlived by neither loop nor engine. */
struct xk_engine_queue *xk_engine_open_queue(struct xk_engine *engine,
                                             struct xk_loop *loop,
                                             struct xk_error *err);
void xk_engine_close_queue(struct xk_engine_queue *queue);

/* The range must lie within engine->bytes. */
void xk_io_submit(struct xk_engine_queue *queue, struct xk_io *io);

/* The image's bytes as memory, where that is how it is best reached; else NULL.
 * Touching it may fail (EFAULT of a system call): then submit. */
void *xk_engine_window(struct xk_engine *engine, uint64_t offset,
                       uint64_t length);

/* A descriptor of the image, for a process that flushes it, or -1: there is
 * nothing to flush, or not by us. */
int xk_engine_image_fd(const struct xk_engine *engine);

/* Ask again how large the image is, and keep it. */
int xk_engine_measure(struct xk_engine *engine, struct xk_error *err);

#endif
