/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An engine carries out requests on an image. It is opened once and then serves
 * any number of queues, each on the loop of its own thread.
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
    XK_IO_FLUSH, /* writes completed before it survive a power cut */
    XK_IO_DISCARD,
    XK_IO_KINDS,
};

/* One operation. The owner keeps it and its memory until done(). */
struct xk_io {
    enum xk_io_kind kind;
    uint64_t offset;   /* bytes; not for FLUSH */
    uint64_t length;   /* bytes: the sum of iov, or to discard */
    struct iovec *iov; /* the engine may change it */
    unsigned iov_count;
    /* error: 0 or a positive errno. May be called within xk_io_submit(). */
    void (*done)(struct xk_io *io, int error);

    struct xk_loop_op op; /* private to the engine, as all that follows */
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
    /* Returns the image's bytes as memory, or NULL: use submit(). The member is
     * NULL if the engine never has a window. */
    void *(*window)(struct xk_engine *engine, uint64_t offset, uint64_t length);
    int (*measure)(struct xk_engine *engine, uint64_t *bytes,
                   struct xk_error *err);
    /* Returns a descriptor of the image, owned by the engine, if unflushed
     * writes may be lost; else -1. The member is NULL if that is always -1. */
    int (*image_fd)(const struct xk_engine *engine);
    void (*close)(struct xk_engine *engine);
};

struct xk_engine {
    const struct xk_engine_ops *ops;
    uint64_t bytes; /* multiple of 512 */
    uint32_t physical_bytes;
    uint32_t discard_granularity; /* bytes; valid if discard is set */
    bool read_only;
    bool discard;
    bool pins;      /* I/O is faster with pinned memory (xk_loop_pin()) */
    bool one_queue; /* a flush covers only the writes of its own queue */
    /* Identifies the process that keeps unflushed writes, which are lost if the
     * process ends; 0: the kernel keeps them. */
    uint64_t server;
    _Atomic bool lost; /* that process is gone: all requests fail */
    /* Path of the flusher's socket (flusher.h); NULL: each queue flushes by
     * itself. Owned by the owner, who sets it before any queue is opened. */
    const char *flusher;
    /* The flusher knows the result of a flush that a previous backend had in
     * flight. If it ends before its first answer, that flush counts as failed.
     * The owner sets this before any queue is opened. */
    _Atomic bool owed;
};

struct xk_engine_queue {
    struct xk_engine *engine;
    struct xk_loop *loop;
};

struct xk_engine_options {
    const char *path;    /* of the file, or of the NBD server's socket */
    uint64_t null_bytes; /* size of the null engine */
    bool read_only;
    bool discard;
    bool direct;
    /* How long to wait for an image that another process holds. A killed
     * process holds it until its last request is done. */
    struct xk_deadline lock_deadline;
};

/* Open a raw regular file or block device. It is locked at the bytes that QEMU
 * and qemu-img lock. XK_ERR_IN_USE if another process holds it, XK_ERR_CONFIG
 * if it cannot be a disk. */
struct xk_engine *xk_file_engine_open(const struct xk_engine_options *options,
                                      struct xk_error *err);

/* Open the export "" of an NBD server on a unix socket. */
struct xk_engine *xk_nbd_engine_open(const struct xk_engine_options *options,
                                     struct xk_error *err);

/* The result of xk_nbd_flush(). */
struct xk_nbd_outcome {
    int error; /* 0 or a positive errno */
    uint64_t server;
};

/* Flush over a separate connection. Returns 0 and the outcome, with the process
 * that flushed (xk_engine.server); or -1 if the result is not known. asks(), if
 * not NULL, is called just before the flush is sent, and only then. */
int xk_nbd_flush(const char *socket, void (*asks)(void *context), void *context,
                 struct xk_nbd_outcome *outcome, struct xk_deadline deadline,
                 struct xk_error *err);

/* Make the engine of a drive without a medium: its size is 0, and each request
 * fails. */
struct xk_engine *xk_empty_engine_new(void);

/* Open an engine that reads zeros and discards writes, for measurements. */
struct xk_engine *xk_null_engine_open(const struct xk_engine_options *options,
                                      struct xk_error *err);

void xk_engine_close(struct xk_engine *engine);

/* Open a queue, by the thread that owns the loop. Loop and engine must outlive
 * the queue. */
struct xk_engine_queue *xk_engine_open_queue(struct xk_engine *engine,
                                             struct xk_loop *loop,
                                             struct xk_error *err);
void xk_engine_close_queue(struct xk_engine_queue *queue);

/* Start an operation, whose range must lie within engine->bytes. */
void xk_io_submit(struct xk_engine_queue *queue, struct xk_io *io);

/* Returns the image's bytes as memory if that is the best way to access them,
 * else NULL. An access may fail (EFAULT of a system call): then submit the
 * operation. */
void *xk_engine_window(struct xk_engine *engine, uint64_t offset,
                       uint64_t length);

/* Returns a descriptor of the image, owned by the engine, for the flusher; or
 * -1 if nothing has to be flushed, or another process flushes. */
int xk_engine_image_fd(const struct xk_engine *engine);

/* Read the image's size again and store it in engine->bytes. */
int xk_engine_measure(struct xk_engine *engine, struct xk_error *err);

#endif
