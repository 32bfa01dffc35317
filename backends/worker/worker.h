/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker, the thread of one queue of a device: its states, its commands and
 * its main loop. Serving the ring is up to the kind (struct xk_worker_ops).
 *
 * How it works. The thread starts once; then the owner sends it commands to
 * connect and to stop. Without a connection it sleeps. While it is connected it
 * serves rounds until nothing is left to do, asks the guest for an event at its
 * next request, acknowledges the last event (doorbell.h) and sleeps.
 *
 *     state       meaning                          may become
 *     STARTING    the thread sets itself up        IDLE, FAILED
 *     IDLE        nothing of the guest is mapped   CONNECTING
 *     CONNECTING  it maps its ring                 RUNNING, FAILED, IDLE
 *     RUNNING     it serves its ring               BROKEN, STOPPING, IDLE
 *     BROKEN      the guest broke the protocol;    STOPPING, IDLE
 *                 no request is taken
 *     STOPPING    it finishes the requests that    IDLE
 *                 it took
 *     FAILED      it could not start or connect    CONNECTING, IDLE
 *
 * CONNECTING becomes IDLE if the worker is told to stop before it has begun to
 * connect; RUNNING and BROKEN become IDLE if the ring is abandoned. The owner's
 * thread writes CONNECTING, and the worker's thread all other states.
 *
 * All functions are for the owner, the thread that started the worker, unless
 * their comment names another. The owner must not wait for a worker: changed_fd
 * reports a change, and the owner then reads the state.
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

/* The worker's thread calls all of them except free(). open() and close() may
 * be NULL. */
struct xk_worker_ops {
    /* Called once, when the loop is open. If it fails, the worker is FAILED. */
    int (*open)(struct xk_worker *worker, struct xk_error *err);
    /* Called once, before the loop is closed; also after a failed open(). */
    void (*close)(struct xk_worker *worker);

    /* Map the ring and bind the event channel. worker->take_over: another
     * process has served the ring. */
    int (*connect)(struct xk_worker *worker, struct xk_error *err);
    /* Unmap the ring. All requests taken are finished. worker->keep: another
     * process goes on with the ring. */
    void (*disconnect)(struct xk_worker *worker);
    /* Unmap the ring at once. Requests in flight need nothing of the guest.
     * worker->fail: answer them with an error first. */
    void (*abandon)(struct xk_worker *worker);

    /* Serve one round; take requests only if the state is RUNNING. Returns true
     * if there is more to do at once. */
    bool (*serve)(struct xk_worker *worker);
    /* Returns true if every request that was taken is finished. */
    bool (*is_drained)(const struct xk_worker *worker);
    /* Returns true if there are requests that were not taken. */
    bool (*has_requests)(const struct xk_worker *worker);
    /* Ask the guest for an event at its next request. Returns true if there is
     * a request already. */
    bool (*ask_event)(struct xk_worker *worker);

    /* Free everything but the worker itself. The thread has ended, or never
     * began. */
    void (*free)(struct xk_worker *worker);
};

/* The kind puts this first in its own struct. */
struct xk_worker {
    const struct xk_worker_ops *ops;
    struct xk_guest *guest; /* owned by the worker */
    unsigned number;
    int changed_fd;   /* the owner's eventfd, written at each change */
    unsigned poll_us; /* how long to poll the ring before sleeping */

    pthread_t thread;
    bool has_thread;
    int command_fd;
    _Atomic int state;   /* enum xk_worker_state */
    _Atomic int command; /* for the thread; a later one replaces it */
    _Atomic bool take_over, keep, fail;
    struct xk_error error; /* why it is BROKEN or FAILED */

    /* Only the worker's thread uses what follows. */
    struct xk_loop loop;
    struct xk_doorbell bell;
    bool is_connected;
    struct xk_loop_op command_op;
    uint64_t command_value;
};

/* Start the thread. The caller has set ops and number; the worker takes the
 * guest. Returns the worker, or NULL: then it has been freed. */
struct xk_worker *xk_worker_start(struct xk_worker *worker,
                                  struct xk_guest *guest, int changed_fd,
                                  unsigned poll_us, struct xk_error *err);

/* End the thread, whose state must be IDLE or FAILED, and free the worker. NULL
 * is ignored. */
void xk_worker_free(struct xk_worker *worker);

/* IDLE or FAILED -> CONNECTING -> RUNNING or FAILED. take_over: another process
 * served this ring and was killed. It may have published responses without an
 * event, so the guest gets one once the ring is connected. */
void xk_worker_connect(struct xk_worker *worker, bool take_over);

/* CONNECTING, RUNNING or BROKEN -> STOPPING -> IDLE. The worker is IDLE once
 * all requests that it took are finished and nothing is mapped, however long
 * they take. keep: another process goes on with the ring. */
void xk_worker_stop(struct xk_worker *worker, bool keep);

/* Any state -> IDLE without waiting for requests. fail: no process goes on with
 * the ring, so answer the requests with an error. Afterwards the worker can
 * only be freed, and only when its requests have finished. */
void xk_worker_abandon(struct xk_worker *worker, bool fail);

enum xk_worker_state xk_worker_state(const struct xk_worker *worker);

/* Returns why the worker is BROKEN or FAILED. */
const char *xk_worker_reason(const struct xk_worker *worker);

/* Wake the owner, to read the worker's state and the device's health. For any
 * thread. */
void xk_worker_tell(const struct xk_worker *worker);

/* Bind an event channel port of the guest, as that number (guest.h). For the
 * worker's thread, in connect(). In a take-over this retries for 5 s: the
 * kernel unbinds a killed process's port only shortly after its end, and
 * reports that to nobody. */
int xk_worker_bind(struct xk_worker *worker, unsigned number, uint32_t port,
                   struct xk_error *err);

/* Copy 64-bit counters that the worker's thread writes. */
void xk_worker_read_counts(void *to, const void *from, size_t bytes);

/* Read how many events came, and how many of them without a request. */
void xk_worker_read_events(const struct xk_worker *worker, uint64_t *events,
                           uint64_t *empty_events);

/* RUNNING -> BROKEN: the guest broke the ring's protocol. For the worker's
 * thread. */
void xk_worker_break(struct xk_worker *worker, const char *reason);

#endif
