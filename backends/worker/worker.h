/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread of one queue of a device: what it waits for and what it is told.
 * What a queue does with its ring is the kind's (struct xk_worker_ops).
 *
 * How it works. The thread is started once and then told to connect and to
 * stop; in between it sleeps. While it is connected it serves rounds until
 * there is nothing left to do, asks the guest for an event at its next request,
 * acknowledges the last event (doorbell.h) and sleeps.
 *
 *     state       entered                          may become
 *     STARTING    by xk_worker_start()             IDLE, FAILED
 *     IDLE        nothing of the guest is mapped   CONNECTING
 *     CONNECTING  by xk_worker_connect()           RUNNING, FAILED, IDLE
 *     RUNNING     the ring is served               BROKEN, STOPPING, IDLE
 *     BROKEN      the ring lied; nothing is taken  STOPPING, IDLE
 *     STOPPING    what was taken is finished       IDLE
 *     FAILED      it could not start or connect    CONNECTING, IDLE
 *
 * CONNECTING becomes IDLE where it is told to stop before it has begun, RUNNING
 * and BROKEN where the ring is abandoned. The owner's thread writes CONNECTING,
 * the worker's own all others.
 *
 * All functions but those marked are for the thread that started the worker,
 * which must not wait: it is told of changes by changed_fd, and then asks.
 */
#ifndef XK_BACKENDS_WORKER_WORKER_H
#define XK_BACKENDS_WORKER_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "backends/ring/guest.h"
#include "backends/worker/doorbell.h"
#include "backends/worker/loop.h"
#include "base/error.h"

enum xk_worker_state {
    XK_WORKER_STARTING,
    XK_WORKER_IDLE,
    XK_WORKER_CONNECTING,
    XK_WORKER_RUNNING,
    XK_WORKER_STOPPING,
    XK_WORKER_BROKEN,
    XK_WORKER_FAILED,
};

struct xk_worker;

/* All but free() are called by the worker's thread. open() and close() may be
 * NULL. */
struct xk_worker_ops {
    /* Once, when the loop is open. Where it fails, the worker is FAILED. */
    int (*open)(struct xk_worker *worker, struct xk_error *err);
    /* Once, before the loop is closed; after a failed open() too. */
    void (*close)(struct xk_worker *worker);

    /* Map the ring and bind the event channel. worker->take_over tells whether
     * another process has served the ring. */
    int (*connect)(struct xk_worker *worker, struct xk_error *err);
    /* All that was taken is done: unmap. worker->keep tells whether another
     * process goes on with the ring. */
    void (*disconnect)(struct xk_worker *worker);
    /* Unmap at once. What is under way needs nothing of the guest; worker->fail
     * tells whether to answer it with an error. */
    void (*abandon)(struct xk_worker *worker);

    /* One round; takes requests only while the state is RUNNING. True: there is
     * more to do at once. */
    bool (*serve)(struct xk_worker *worker);
    /* Nothing that was taken is still to be done. */
    bool (*is_drained)(const struct xk_worker *worker);
    /* There are requests that were not taken. */
    bool (*has_requests)(const struct xk_worker *worker);
    /* Ask the guest for an event at its next request. True: it has made one. */
    bool (*ask_event)(struct xk_worker *worker);

    /* The thread has ended, or never began: give back all but the worker. */
    void (*free)(struct xk_worker *worker);
};

/* The kind puts this first in its own struct. */
struct xk_worker {
    const struct xk_worker_ops *ops;
    struct xk_guest *guest; /* the worker's */
    unsigned number;
    int changed_fd;   /* eventfd of the owner: written at each change */
    unsigned poll_us; /* look at the ring for so long before sleeping */

    pthread_t thread;
    bool has_thread;
    int command_fd;
    _Atomic int state;   /* enum xk_worker_state */
    _Atomic int command; /* what the thread is to do; the last one counts */
    _Atomic bool take_over, keep, fail;
    struct xk_error error; /* why it is BROKEN or FAILED */

    /* The thread's own from here on. */
    struct xk_loop loop;
    struct xk_doorbell bell;
    bool is_connected;
    struct xk_loop_op command_op;
    uint64_t command_value;
};

/* Start the thread. ops and number are set; the guest is taken. Returns the
 * worker, or NULL if it failed: the worker is freed then. */
struct xk_worker *xk_worker_start(struct xk_worker *worker,
                                  struct xk_guest *guest, int changed_fd,
                                  unsigned poll_us, struct xk_error *err);

/* End the thread, whose state must be IDLE or FAILED, and free the worker. NULL
 * is ignored. */
void xk_worker_free(struct xk_worker *worker);

/* IDLE or FAILED -> CONNECTING -> RUNNING or FAILED. take_over: another process
 * served these rings and was killed; it may have shown responses without an
 * event, so the guest gets one once the rings are connected. */
void xk_worker_connect(struct xk_worker *worker, bool take_over);

/* CONNECTING, RUNNING or BROKEN -> STOPPING -> IDLE, once all that was taken is
 * done and nothing is mapped. Takes as long as the requests do. keep: another
 * process goes on with the ring. */
void xk_worker_stop(struct xk_worker *worker, bool keep);

/* Any state -> IDLE without waiting for requests. fail: no process goes on with
 * the ring, so they are answered with an error. The worker is of no other use
 * after it, and is freed only where its requests come to an end. */
void xk_worker_abandon(struct xk_worker *worker, bool fail);

enum xk_worker_state xk_worker_state(const struct xk_worker *worker);

/* Why it is BROKEN or FAILED. */
const char *xk_worker_reason(const struct xk_worker *worker);

/* By any thread: the owner is to look. */
void xk_worker_tell(const struct xk_worker *worker);

/* By the worker's thread, in connect(): bind the guest's port. In a take-over
 * the kernel takes back what the killed process had a moment after its end, and
 * tells nobody, so this tries for 5 s. */
int xk_worker_bind(struct xk_worker *worker, uint32_t port,
                   struct xk_error *err);

/* Copy counters, of 64 bits each, that the worker's thread writes. */
void xk_worker_read_counts(void *to, const void *from, size_t bytes);

/* How many events came, and how many of them for nothing. */
void xk_worker_read_events(const struct xk_worker *worker, uint64_t *events,
                           uint64_t *empty_events);

/* By the worker's thread: the ring lied. */
void xk_worker_break(struct xk_worker *worker, const char *reason);

#endif
