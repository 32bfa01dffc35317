/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a device makes of changes that its workers report. The workers are
 * states that a test sets; their functions stand here instead of worker.c. */
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/life/device_internal.h"
#include "base/util.h"
#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"
#include "xenstore-helpers/xenbus.h"

#define BACKEND "/local/domain/0/backend/test/1/0"
#define FRONTEND "/local/domain/1/device/test/0"

static struct xk_worker workers[2];
static struct xk_device_config config;
static struct xk_device device;
static enum xk_device_health health;
static struct xk_error err;

/* ---- workers ---- */

enum xk_worker_state
xk_worker_state(const struct xk_worker *worker)
{
    return (enum xk_worker_state)worker->state;
}

const char *
xk_worker_reason(const struct xk_worker *worker)
{
    (void)worker;
    return "the ring lied";
}

void
xk_worker_stop(struct xk_worker *worker, bool keep)
{
    worker->state = XK_WORKER_STOPPING;
    worker->keep = keep;
}

void
xk_worker_abandon(struct xk_worker *worker, bool fail)
{
    worker->state = XK_WORKER_IDLE;
    worker->fail = fail;
}

void
xk_worker_free(struct xk_worker *worker)
{
    (void)worker;
}

static void
all_workers_are(enum xk_worker_state state)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(workers); i++)
        workers[i].state = state;
}

/* ---- the kind ---- */

static unsigned
connect_workers(struct xk_device *it, bool take_over)
{
    (void)it;
    (void)take_over;
    all_workers_are(XK_WORKER_CONNECTING);
    return XK_ARRAY_SIZE(workers);
}

static void
describe(const struct xk_device *it, char *text, size_t size)
{
    (void)it;
    snprintf(text, size, "connected");
}

static void
disconnected(struct xk_device *it)
{
    (void)it;
}

static enum xk_device_health
tell_health(const struct xk_device *it, const char **reason)
{
    (void)it;
    *reason = "its image lost a write";
    return health;
}

static const struct xk_device_kind kind = {
    .name = "test",
    .behind = "the image",
    .connect = connect_workers,
    .describe = describe,
    .disconnected = disconnected,
    .health = tell_health,
};

/* ---- tests ---- */

static void
write_node(const char *path, const char *value)
{
    assert_int_equal(xk_store_write(device.store, XK_STORE_NO_TX, path, value,
                                    xk_deadline_in_ms(1000), &err),
                     0);
}

static void
expect_own_state(const char *state)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    assert_int_equal(xk_store_read(device.store, XK_STORE_NO_TX,
                                   BACKEND "/state", 16, &value,
                                   xk_deadline_in_ms(1000), &err),
                     0);
    assert_string_equal(value.data, state);
}

/* Its frontend has offered rings, which the workers map. */
static int
set_up(void **state)
{
    (void)state;
    config = (struct xk_device_config){.frontend = (char *)FRONTEND,
                                       .backend = (char *)BACKEND};
    health = XK_DEVICE_SOUND;
    device = (struct xk_device){
        .kind = &kind,
        .config = &config,
        .title = "test",
        .changed_fd = eventfd(0, EFD_CLOEXEC),
        .store = fake_store_new(),
        .workers = {&workers[0], &workers[1]},
        .worker_count = XK_ARRAY_SIZE(workers),
        .state = XK_XENBUS_INIT_WAIT,
        .front_state = XK_XENBUS_INITIALISED,
    };
    write_node(BACKEND "/state", "2");
    write_node(BACKEND "/online", "1");
    write_node(FRONTEND "/state", "3");
    xk_device_connect(&device, false);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    xk_store_close(device.store);
    close(device.changed_fd);
    return 0;
}

static void
a_device_is_connected_once_all_workers_run(void **state)
{
    (void)state;
    workers[0].state = XK_WORKER_RUNNING;
    assert_int_equal(xk_device_workers_changed(&device, &err), 0);
    assert_int_equal(device.phase, XK_DEVICE_CONNECTING);
    workers[1].state = XK_WORKER_RUNNING;
    assert_int_equal(xk_device_workers_changed(&device, &err), 0);
    assert_int_equal(device.phase, XK_DEVICE_SERVING);
    expect_own_state("4");
}

/* The last worker and the fault are reported by one event: no other follows. */
static void
a_device_that_is_spoilt_as_it_connects_closes_and_serves_until_then(
    void **state)
{
    (void)state;
    all_workers_are(XK_WORKER_RUNNING);
    health = XK_DEVICE_SPOILT;
    assert_int_equal(xk_device_workers_changed(&device, &err), 0);
    assert_int_equal(device.phase, XK_DEVICE_SERVING);
    expect_own_state("5");
    assert_string_equal(device.reason, "its image lost a write");
}

static void
a_ring_that_lies_closes_the_device(void **state)
{
    (void)state;
    all_workers_are(XK_WORKER_RUNNING);
    assert_int_equal(xk_device_workers_changed(&device, &err), 0);
    workers[1].state = XK_WORKER_BROKEN;
    assert_int_equal(xk_device_workers_changed(&device, &err), 0);
    assert_int_equal(device.phase, XK_DEVICE_DRAINING);
    expect_own_state("5");
    all_workers_are(XK_WORKER_IDLE);
    assert_int_equal(xk_device_workers_changed(&device, &err), 0);
    assert_int_equal(device.phase, XK_DEVICE_STILL);
}

/* Workers that have failed report nothing more. */
static void
rings_that_failed_are_over_though_the_store_does_not_answer(void **state)
{
    (void)state;
    all_workers_are(XK_WORKER_FAILED);
    fake_store_fail(device.store, 2, XK_ERR_TIMEOUT); /* the error is 1 */
    assert_int_equal(xk_device_workers_changed(&device, &err), -1);
    assert_int_equal(err.kind, XK_ERR_TIMEOUT);
    assert_int_equal(device.phase, XK_DEVICE_STILL);
    assert_true(device.look);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_device_is_connected_once_all_workers_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_device_that_is_spoilt_as_it_connects_closes_and_serves_until_then,
            set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_ring_that_lies_closes_the_device,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            rings_that_failed_are_over_though_the_store_does_not_answer, set_up,
            tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
