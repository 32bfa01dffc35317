/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drive all workers of a device that have rings as one.
 *
 * How it works. connect() and drain() send a command to each worker and return
 * at once. Each worker reports a new state on changed_fd; states.c then calls
 * try_serving() or try_still(), which enter the next phase when the last worker
 * has got there. enter() asserts this table:
 *
 *     phase       entered by                              may become
 *     STILL       try_still(): nothing is mapped          CONNECTING
 *     CONNECTING  connect(): the frontend has offered     SERVING, DRAINING
 *                 rings and the states allow them
 *     SERVING     try_serving(): all workers run          DRAINING
 *     DRAINING    drain(): the frontend closes, broke     STILL
 *                 the protocol, or has new rings; or
 *                 this process ends
 *
 * A device in DRAINING reacts to no state: states are read again in STILL.
 */
#include <assert.h>
#include <poll.h>
#include <unistd.h>

#include "backends/life/device_internal.h"
#include "base/util.h"

enum {
    ABANDON_MS = 1000,
};

static void
enter(struct xk_device *device, enum xk_device_phase phase)
{
    static const unsigned may_follow[] = {
        [XK_DEVICE_STILL] = 1u << XK_DEVICE_CONNECTING,
        [XK_DEVICE_CONNECTING] =
            1u << XK_DEVICE_SERVING | 1u << XK_DEVICE_DRAINING,
        [XK_DEVICE_SERVING] = 1u << XK_DEVICE_DRAINING,
        [XK_DEVICE_DRAINING] = 1u << XK_DEVICE_STILL,
    };
    static_assert(XK_ARRAY_SIZE(may_follow) == XK_DEVICE_PHASES,
                  "one row per phase");

    assert((may_follow[device->phase] >> phase & 1u) != 0);
    device->phase = phase;
}

static bool
any_worker(const struct xk_device *device, enum xk_worker_state state)
{
    for (unsigned i = 0; i < device->connected; i++) {
        if (xk_worker_state(device->workers[i]) == state)
            return true;
    }
    return false;
}

void
xk_device_connect(struct xk_device *device, bool take_over)
{
    device->connected = device->kind->connect(device, take_over);
    device->taking_over = take_over;
    enter(device, XK_DEVICE_CONNECTING);
}

bool
xk_device_try_serving(struct xk_device *device)
{
    if (any_worker(device, XK_WORKER_CONNECTING))
        return false;
    enter(device, XK_DEVICE_SERVING);
    return true;
}

void
xk_device_drain(struct xk_device *device)
{
    if (device->phase != XK_DEVICE_CONNECTING &&
        device->phase != XK_DEVICE_SERVING)
        return;
    for (unsigned i = 0; i < device->connected; i++) {
        if (xk_worker_state(device->workers[i]) != XK_WORKER_FAILED)
            xk_worker_stop(device->workers[i],
                           device->end != XK_DEVICE_GOES_ON);
    }
    enter(device, XK_DEVICE_DRAINING);
}

/* Returns true if each worker has unmapped its ring, or never had one. */
static bool
all_unmapped(const struct xk_device *device)
{
    for (unsigned i = 0; i < device->connected; i++) {
        enum xk_worker_state state = xk_worker_state(device->workers[i]);

        if (state != XK_WORKER_IDLE && state != XK_WORKER_FAILED)
            return false;
    }
    return true;
}

bool
xk_device_try_still(struct xk_device *device)
{
    if (!all_unmapped(device))
        return false;
    enter(device, XK_DEVICE_STILL);
    device->connected = 0;
    device->kind->disconnected(device);
    device->must_look = true;
    device->look_after_ns = 0;
    return true;
}

const char *
xk_device_ring_fault(const struct xk_device *device)
{
    for (unsigned i = 0; i < device->connected; i++) {
        enum xk_worker_state state = xk_worker_state(device->workers[i]);

        if (state == XK_WORKER_FAILED || state == XK_WORKER_BROKEN)
            return xk_worker_reason(device->workers[i]);
    }
    return NULL;
}

bool
xk_device_abandon_rings(struct xk_device *device)
{
    struct xk_deadline deadline = xk_deadline_in_ms(ABANDON_MS);
    uint64_t value;

    for (unsigned i = 0; i < device->connected; i++)
        xk_worker_abandon(device->workers[i], device->for_good);
    while (!all_unmapped(device)) {
        if (xk_deadline_poll(deadline, device->changed_fd, POLLIN,
                             "a queue's thread", NULL) == -1)
            return false;
        (void)!read(device->changed_fd, &value, sizeof(value));
    }
    return true;
}
