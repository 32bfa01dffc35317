/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker whose ring is a fake: it holds requests for ever and is never
 * taken from. */
#include "backends/worker/worker.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/ring/memory_guest.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/unit/test.h"

enum {
    PATIENCE_MS = 20000,
    POLL_US = 1000,
};

struct fake {
    struct xk_worker worker;
    _Atomic unsigned rounds;
    _Atomic bool asked_when_broken;
};

static struct xk_memory *memory;
static int to_backend, to_guest, changed;

static struct fake *
fake_of(const struct xk_worker *worker)
{
    return XK_CONTAINER_OF(worker, struct fake, worker);
}

static int
succeed(struct xk_worker *worker, struct xk_error *err)
{
    (void)worker;
    (void)err;
    return 0;
}

static void
do_nothing(struct xk_worker *worker)
{
    (void)worker;
}

static int
bind_port(struct xk_worker *worker, struct xk_error *err)
{
    return xk_guest_bind(worker->guest, 0, 1, err);
}

static void
unbind_port(struct xk_worker *worker)
{
    xk_guest_unbind(worker->guest);
}

/* The ring lies in its first round. */
static bool
serve_once_and_break(struct xk_worker *worker)
{
    worker->bell.was_useful = true;
    if (fake_of(worker)->rounds++ == 0)
        xk_worker_break(worker, "the ring lied");
    return false;
}

static bool
is_drained(const struct xk_worker *worker)
{
    (void)worker;
    return true;
}

static bool
always_has_requests(const struct xk_worker *worker)
{
    if (xk_worker_state(worker) == XK_WORKER_BROKEN)
        fake_of(worker)->asked_when_broken = true;
    return true;
}

static bool
ask_event(struct xk_worker *worker)
{
    (void)worker;
    return false;
}

static const struct xk_worker_ops ops = {
    .open = succeed,
    .close = do_nothing,
    .connect = bind_port,
    .disconnect = unbind_port,
    .abandon = unbind_port,
    .serve = serve_once_and_break,
    .is_drained = is_drained,
    .has_requests = always_has_requests,
    .ask_event = ask_event,
    .free = do_nothing,
};

static void
await(const struct xk_worker *worker, enum xk_worker_state state)
{
    struct pollfd fd = {.fd = changed, .events = POLLIN};
    uint64_t count;

    while (xk_worker_state(worker) != state) {
        assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
        assert_int_equal(read(changed, &count, sizeof(count)), sizeof(count));
    }
}

static int
set_up(void **state)
{
    struct fake *fake = XK_NEW(struct fake);
    struct xk_error err;

    to_backend = eventfd(0, EFD_CLOEXEC);
    to_guest = eventfd(0, EFD_CLOEXEC);
    changed = eventfd(0, EFD_CLOEXEC);
    memory = xk_memory_new(1);
    fake->worker.ops = &ops;
    assert_non_null(xk_worker_start(
        &fake->worker, xk_memory_guest_new(memory, to_backend, to_guest),
        changed, POLL_US, &err));
    await(&fake->worker, XK_WORKER_IDLE);
    *state = fake;
    return 0;
}

static int
tear_down(void **state)
{
    struct fake *fake = *state;

    xk_worker_free(&fake->worker);
    xk_memory_free(memory);
    close(to_backend);
    close(to_guest);
    close(changed);
    return 0;
}

/* Requests in a ring that lied are never taken, so a worker that looked for
 * them would spin until it is stopped. */
static void
a_ring_that_lied_is_not_looked_at_any_more(void **state)
{
    struct fake *fake = *state;

    xk_worker_connect(&fake->worker, false);
    await(&fake->worker, XK_WORKER_BROKEN);
    xk_worker_stop(&fake->worker, false);
    await(&fake->worker, XK_WORKER_IDLE);
    assert_false(fake->asked_when_broken);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_ring_that_lied_is_not_looked_at_any_more, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
