/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop of a worker; worker.h has its states.
 *
 * How it works. The owner writes the wanted command into worker->command and
 * wakes the thread through command_fd, which the thread reads on its io_uring.
 * run_once() is one turn of the loop. Without a connection, obey_idle() carries
 * the command out. With one, serve() runs a round and then looks at the
 * command: STOP and END finish the requests taken, ABANDON unmaps at once. If a
 * turn leaves nothing to do, the thread polls the ring for poll_us, arms the
 * doorbell and sleeps in xk_loop_run().
 */
#include "backends/worker/worker.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/util.h"

enum {
    LOOP_ENTRIES = 256,
    STACK_BYTES = 128 * 1024,
    BIND_MS = 5000,
    RETRY_MS = 10,
};

enum command {
    COMMAND_NONE,
    COMMAND_CONNECT,
    COMMAND_STOP,
    COMMAND_ABANDON,
    COMMAND_END,
};

void
xk_worker_tell(const struct xk_worker *worker)
{
    uint64_t one = 1;

    /* Fails only if 2^64 - 2 changes have not been read. */
    (void)!write(worker->changed_fd, &one, sizeof(one));
}

static void
set_state(struct xk_worker *worker, enum xk_worker_state state)
{
    worker->state = state;
    xk_worker_tell(worker);
}

enum xk_worker_state
xk_worker_state(const struct xk_worker *worker)
{
    return (enum xk_worker_state)worker->state;
}

const char *
xk_worker_reason(const struct xk_worker *worker)
{
    return worker->error.message;
}

void
xk_worker_break(struct xk_worker *worker, const char *reason)
{
    if (worker->state != XK_WORKER_RUNNING)
        return;
    xk_fail(&worker->error, XK_ERR_PROTOCOL, "queue %u: %s", worker->number,
            reason);
    set_state(worker, XK_WORKER_BROKEN);
}

static void
fail(struct xk_worker *worker)
{
    xk_wrap(&worker->error, "queue %u", worker->number);
    set_state(worker, XK_WORKER_FAILED);
}

int
xk_worker_bind(struct xk_worker *worker, unsigned number, uint32_t port,
               struct xk_error *err)
{
    struct xk_deadline deadline =
        xk_deadline_in_ms(worker->take_over ? BIND_MS : 0);

    while (xk_guest_bind(worker->guest, number, port, err) == -1) {
        if (!xk_deadline_pause(deadline, RETRY_MS))
            return -1;
    }
    return 0;
}

void
xk_worker_read_counts(void *to, const void *from, size_t bytes)
{
    const uint64_t *counts = (const uint64_t *)from;
    uint64_t *copies = (uint64_t *)to;

    for (size_t i = 0; i < bytes / sizeof(*counts); i++)
        copies[i] = __atomic_load_n(&counts[i], __ATOMIC_RELAXED);
}

void
xk_worker_read_events(const struct xk_worker *worker, uint64_t *events,
                      uint64_t *empty_events)
{
    xk_worker_read_counts(events, &worker->bell.events, sizeof(*events));
    xk_worker_read_counts(empty_events, &worker->bell.empty_events,
                          sizeof(*empty_events));
}

/* ---- commands ---- */

static void
read_command(struct xk_worker *worker)
{
    struct io_uring_sqe *sqe = xk_loop_sqe(&worker->loop);

    io_uring_prep_read(sqe, worker->command_fd, &worker->command_value,
                       sizeof(worker->command_value), 0);
    xk_loop_start(&worker->loop, sqe, &worker->command_op);
}

static void
command_came(struct xk_loop_op *op, int result)
{
    (void)result;
    read_command(XK_CONTAINER_OF(op, struct xk_worker, command_op));
}

static void
connect_ring(struct xk_worker *worker)
{
    xk_doorbell_reset(&worker->bell);
    if (worker->ops->connect(worker, &worker->error) == -1) {
        fail(worker);
        return;
    }
    for (unsigned i = 0; worker->take_over && i < XK_GUEST_PORTS_MAX; i++)
        xk_guest_notify(worker->guest, i);
    worker->is_connected = true;
    set_state(worker, XK_WORKER_RUNNING);
}

static void
disconnect_ring(struct xk_worker *worker)
{
    worker->ops->disconnect(worker);
    worker->is_connected = false;
    set_state(worker, XK_WORKER_IDLE);
}

static void
abandon_ring(struct xk_worker *worker)
{
    worker->ops->abandon(worker);
    worker->is_connected = false;
    worker->command = COMMAND_NONE;
    set_state(worker, XK_WORKER_IDLE);
}

/* False: the thread is to end. */
static bool
obey_idle(struct xk_worker *worker)
{
    switch ((enum command)atomic_exchange(&worker->command, COMMAND_NONE)) {
    case COMMAND_CONNECT:
        connect_ring(worker);
        break;
    case COMMAND_STOP:
    case COMMAND_ABANDON:
        set_state(worker, XK_WORKER_IDLE);
        break;
    case COMMAND_END:
        return false;
    case COMMAND_NONE:
        break;
    }
    return true;
}

static bool
is_told_to_stop(const struct xk_worker *worker)
{
    return worker->command == COMMAND_STOP || worker->command == COMMAND_END;
}

/* ---- serving ---- */

/* Finish the requests taken, then disconnect. True: there may be more to do at
 * once. */
static bool
finish_taken(struct xk_worker *worker, bool more)
{
    if (worker->state != XK_WORKER_STOPPING)
        set_state(worker, XK_WORKER_STOPPING);
    if (!worker->ops->is_drained(worker))
        return more;
    if (worker->command == COMMAND_STOP)
        worker->command = COMMAND_NONE;
    disconnect_ring(worker);
    return true;
}

static bool
serve(struct xk_worker *worker)
{
    bool more = worker->ops->serve(worker);

    if (worker->command == COMMAND_ABANDON) {
        abandon_ring(worker);
        return true;
    }
    if (is_told_to_stop(worker))
        return finish_taken(worker, more);
    if (more || worker->state != XK_WORKER_RUNNING)
        return more;
    return worker->ops->ask_event(worker);
}

/* Poll the ring for a while before sleeping. True: there is something to do. */
static bool
poll_ring(struct xk_worker *worker)
{
    int64_t end = xk_now_ns() + (int64_t)worker->poll_us * 1000;

    /* Nothing is taken of a ring that lied, whatever it holds. */
    if (worker->poll_us == 0 || !worker->bell.was_useful ||
        worker->state != XK_WORKER_RUNNING)
        return false;
    do {
        if (worker->ops->has_requests(worker))
            return true;
        if (io_uring_cq_ready(&worker->loop.ring) > 0)
            return true;
    } while (xk_now_ns() < end);
    return false;
}

static bool
run_once(struct xk_worker *worker)
{
    struct xk_error err;
    bool more = false;

    if (!worker->is_connected && !obey_idle(worker))
        return false;
    if (worker->is_connected)
        more = serve(worker);
    if (worker->is_connected && !more)
        more = poll_ring(worker);
    if (worker->is_connected && !more)
        xk_doorbell_arm(&worker->bell);
    if (xk_loop_run(&worker->loop, !more, &err) == -1)
        xk_worker_break(worker, err.message);
    if (worker->bell.is_broken)
        xk_worker_break(worker, "the event channel broke");
    return true;
}

static void *
run_thread(void *context)
{
    struct xk_worker *worker = (struct xk_worker *)context;
    char name[16];

    snprintf(name, sizeof(name), "queue %u", worker->number);
    pthread_setname_np(pthread_self(), name);
    if (xk_loop_open(&worker->loop, LOOP_ENTRIES, &worker->error) == -1) {
        fail(worker);
        return NULL;
    }
    xk_doorbell_init(&worker->bell, worker->guest, &worker->loop);
    if (worker->ops->open != NULL &&
        worker->ops->open(worker, &worker->error) == -1) {
        fail(worker);
    } else {
        read_command(worker);
        set_state(worker, XK_WORKER_IDLE);
        while (run_once(worker))
            continue;
    }
    if (worker->ops->close != NULL)
        worker->ops->close(worker);
    xk_loop_close(&worker->loop);
    return NULL;
}

/* ---- calls of the owner ---- */

static int
start_thread(struct xk_worker *worker, struct xk_error *err)
{
    pthread_attr_t attributes;
    int rc;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    rc = pthread_create(&worker->thread, &attributes, run_thread, worker);
    pthread_attr_destroy(&attributes);
    if (rc != 0)
        return xk_fail(err, XK_ERR_SYSTEM, "start a thread: %s", strerror(rc));
    worker->has_thread = true;
    return 0;
}

static void
command(struct xk_worker *worker, enum command what)
{
    uint64_t one = 1;

    worker->command = what;
    (void)!write(worker->command_fd, &one, sizeof(one));
}

void
xk_worker_free(struct xk_worker *worker)
{
    if (worker == NULL)
        return;
    if (worker->has_thread) {
        command(worker, COMMAND_END);
        pthread_join(worker->thread, NULL);
    }
    worker->ops->free(worker);
    xk_guest_close(worker->guest);
    if (worker->command_fd != -1)
        close(worker->command_fd);
    free(worker);
}

struct xk_worker *
xk_worker_start(struct xk_worker *worker, struct xk_guest *guest,
                int changed_fd, unsigned poll_us, struct xk_error *err)
{
    worker->guest = guest;
    worker->changed_fd = changed_fd;
    worker->poll_us = poll_us;
    worker->command_op.done = command_came;
    worker->command_fd = eventfd(0, EFD_CLOEXEC);
    if (worker->command_fd == -1)
        xk_fail_errno(err, "make an eventfd");
    else if (start_thread(worker, err) == 0)
        return worker;
    xk_worker_free(worker);
    return NULL;
}

void
xk_worker_connect(struct xk_worker *worker, bool take_over)
{
    worker->take_over = take_over;
    worker->state = XK_WORKER_CONNECTING;
    command(worker, COMMAND_CONNECT);
}

void
xk_worker_stop(struct xk_worker *worker, bool keep)
{
    worker->keep = keep;
    command(worker, COMMAND_STOP);
}

void
xk_worker_abandon(struct xk_worker *worker, bool fail)
{
    worker->fail = fail;
    command(worker, COMMAND_ABANDON);
}
