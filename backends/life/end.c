/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a device's process ends.
 *
 *     end      entered by                       what may follow
 *     GOES_ON                                   any
 *     ASKED    a signal, {"stop"}, {"leave"}    STUCK, DONE
 *     STUCK    abandon() whose workers do not   DONE
 *              obey
 *     DONE     nothing is mapped, and it was    the process exits
 *              asked, the nodes are gone, or
 *              Closed with nobody who wants more
 *
 * Two facts stand beside it. for_good: no process will serve the device after
 * this one, so requests that are left fail. nodes_gone: the domain or the
 * device is gone from the store, so the rest of the nodes is removed.
 */
#include <assert.h>
#include <unistd.h>

#include "backends/life/device_internal.h"
#include "base/log.h"

/* For what is under way when we are to end; whoever asked has more patience. */
#define PATIENCE_NS INT64_C(3000000000)

void
xk_device_advance_end(struct xk_device *device, enum xk_device_end end)
{
    assert(end > device->end);
    device->end = end;
}

void
xk_device_stop(struct xk_device *device)
{
    if (device->end == XK_DEVICE_GOES_ON) {
        device->abandon_ns = xk_now_ns() + PATIENCE_NS;
        xk_device_advance_end(device, XK_DEVICE_ASKED);
    }
    xk_device_drain(device);
    device->look = true;
    device->look_after_ns = 0;
}

void
xk_device_leave(struct xk_device *device)
{
    device->for_good = true;
    xk_device_stop(device);
}

bool
xk_device_waits(const struct xk_device *device)
{
    return device->end == XK_DEVICE_ASKED &&
           device->phase == XK_DEVICE_DRAINING;
}

/* The kernel does not let a process go whose requests it has not finished. So
 * the guest's memory is unmapped first, and the lock given back by which others
 * know that we serve the device; an image stays locked until the kernel is
 * done. Requests that were under way are done again by the process that comes
 * next, or have failed where none comes. This is one of the two places where a
 * process exits outside of main(): closing the device would wait. */
void
xk_device_abandon(struct xk_device *device)
{
    xk_log(XK_LOG_ERROR, "%s: %s does not answer; going without", device->title,
           device->kind->behind);
    if (!xk_device_abandon_rings(device)) {
        xk_device_advance_end(device, XK_DEVICE_STUCK);
        return;
    }
    close(device->lock_fd);
    _exit(xk_error_exit_status(XK_ERR_TIMEOUT));
}

enum xk_device_health
xk_device_health(const struct xk_device *device, const char **reason)
{
    return device->kind->health != NULL ? device->kind->health(device, reason)
                                        : XK_DEVICE_SOUND;
}

/* As if killed: the next process finds all that was under way. */
void
xk_device_exit_if_lost(const struct xk_device *device)
{
    const char *reason;

    if (xk_device_health(device, &reason) != XK_DEVICE_LOST)
        return;
    xk_log(XK_LOG_ERROR, "%s: %s; so are we, until we are started again",
           device->title, reason);
    _exit(xk_error_exit_status(XK_ERR_FAILED));
}
