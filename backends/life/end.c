/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a device's process ends.
 *
 * How it works. A request to end drains the rings and gives the requests in
 * flight 3 s. If they finish, the main loop returns and main() closes the
 * device. If they do not, abandon() unmaps the rings and exits at once. If a
 * worker does not even unmap, the process is STUCK and whoever asked kills it.
 *
 *     end      entered                            may become
 *     GOES_ON                                     any
 *     ASKED    by a signal, {"stop"}, {"leave"}   STUCK, DONE
 *     STUCK    by abandon() if a worker does      DONE
 *              not react
 *     DONE     when nothing is mapped and: the    the process exits
 *              process was asked to end, or the
 *              nodes are gone, or the state is
 *              Closed and online is 0
 *
 * Two more facts are kept beside it. for_good: no process will serve the
 * device after this one, so requests that remain fail. nodes_gone: the domain
 * or the device is gone from the store, so the remaining nodes are removed.
 */
#include <assert.h>
#include <unistd.h>

#include "backends/life/device_internal.h"
#include "base/log.h"

/* How long to wait for requests in flight. The toolstack, which asks us to end,
 * waits longer. */
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
    device->must_look = true;
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

/* The kernel keeps a process until it has finished the process's requests. So
 * we first unmap the guest's memory and drop the lock by which others know that
 * the device is served; the image stays locked until the kernel is done. The
 * next process does the requests in flight again; if none comes, they have been
 * answered with an error. Like exit_if_lost(), this exits outside main():
 * closing the device would wait for the requests. */
void
xk_device_abandon(struct xk_device *device)
{
    xk_log(XK_LOG_ERROR, "%s: %s does not answer; ending without waiting",
           device->title, device->kind->behind);
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

/* Exit as if killed: the next process finds all requests in flight in the
 * log. */
void
xk_device_exit_if_lost(const struct xk_device *device)
{
    const char *reason;

    if (xk_device_health(device, &reason) != XK_DEVICE_LOST)
        return;
    xk_log(XK_LOG_ERROR, "%s: %s; ending until started again", device->title,
           reason);
    _exit(xk_error_exit_status(XK_ERR_FAILED));
}
