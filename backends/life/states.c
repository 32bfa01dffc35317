/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * React to the states of both ends in the store.
 *
 * How it works. Watches only say that something may have changed. look() reads
 * the state of the frontend, and the nodes by which the toolstack changes ours;
 * adopt_wishes() carries out the toolstack's wishes, then xenbus.h turns the
 * two states into an action and react() carries the action out. An action that
 * needs the rings gone starts to drain them and does nothing else; while they
 * drain, no action is taken. When the last worker has unmapped its ring,
 * rings.c asks for another look, which finds the same states and now completes
 * the action. begin() decides once, when the process starts, between offering
 * the device and taking over from a killed process.
 */
#include <stdio.h>

#include "backends/life/device_internal.h"
#include "backends/life/frontend.h"
#include "base/log.h"
#include "xenstore-helpers/xenbus.h"

enum {
    LOOK_EVERY_NS = 20000000, /* at most, even if a guest writes more often */
};

/* Stop the device until its frontend starts again, if it ever does. */
static int
stop_device(struct xk_device *device, const char *reason, struct xk_error *err)
{
    xk_device_complain(device, reason);
    xk_device_drain(device);
    return xk_device_set_state(device, XK_XENBUS_CLOSING, err);
}

/* Read the rings that the frontend offers. 1: they differ from those that are
 * connected; 0: they are the same, or invalid. Invalid nodes stop the device
 * and are not an error of this function. */
static int
read_front(struct xk_device *device, struct xk_error *err)
{
    struct xk_error problem;
    int changed = device->kind->read_front(device, &problem);

    if (changed != -1)
        return changed;
    if (problem.kind != XK_ERR_PROTOCOL) {
        *err = problem;
        return -1;
    }
    return stop_device(device, problem.message, err);
}

static int
connect_front(struct xk_device *device, struct xk_error *err)
{
    int changed = read_front(device, err);

    if (changed != 1)
        return changed;
    xk_device_connect(device, false);
    return 0;
}

/* Watches fire more often than states change, so the rings may be the same.
 * They differ if the guest was resumed in place: it makes new rings. */
static int
recheck_front(struct xk_device *device, struct xk_error *err)
{
    int changed = read_front(device, err);

    if (changed != 1)
        return changed;
    xk_device_drain(device);
    device->state = XK_XENBUS_INIT_WAIT; /* once drained, connect as from it */
    return 0;
}

/* Carry out an action. Called in STILL, CONNECTING or SERVING. An action that
 * needs the rings gone only starts to drain them; a later look repeats it. */
static int
react(struct xk_device *device, enum xk_xenbus_action action,
      struct xk_error *err)
{
    bool has_rings = device->phase != XK_DEVICE_STILL;
    char text[80];

    switch (action) {
    case XK_XENBUS_NOTHING:
    case XK_XENBUS_RECONFIGURE:
        return 0;
    case XK_XENBUS_REFUSE:
        snprintf(text, sizeof(text),
                 "the frontend's state is not one that a %s device has",
                 device->kind->name);
        xk_device_complain(device, text);
        return 0;
    case XK_XENBUS_CONNECT:
        return has_rings ? 0 : connect_front(device, err);
    case XK_XENBUS_RECHECK:
        return has_rings ? recheck_front(device, err)
                         : connect_front(device, err);
    case XK_XENBUS_STOP:
        xk_device_drain(device);
        return xk_device_set_state(device, XK_XENBUS_CLOSING, err);
    case XK_XENBUS_ADVERTISE:
        xk_device_drain(device);
        return has_rings ? 0 : xk_device_advertise(device, err);
    case XK_XENBUS_CLOSE:
        xk_device_drain(device);
        return has_rings ? 0
                         : xk_device_set_state(device, XK_XENBUS_CLOSED, err);
    case XK_XENBUS_REMOVE:
        xk_device_drain(device);
        device->nodes_gone = true;
        return 0;
    }
    return 0;
}

/* End the process if nothing is mapped and no more work can come. */
static void
end_if_due(struct xk_device *device, bool online)
{
    if (device->phase != XK_DEVICE_STILL || device->end == XK_DEVICE_DONE)
        return;
    if (device->nodes_gone)
        xk_device_remove_nodes(device);
    else if (device->end == XK_DEVICE_GOES_ON &&
             (device->state != XK_XENBUS_CLOSED || online))
        return;
    xk_device_advance_end(device, XK_DEVICE_DONE);
}

/* The toolstack asks a device to close by writing our state and our "online"
 * node, together or one after the other. If the frontend is Closing, it still
 * uses the device: wait until it is Closed. */
static int
adopt_wishes(struct xk_device *device, int own, bool online,
             struct xk_error *err)
{
    if (own == XK_XENBUS_UNKNOWN) {
        device->nodes_gone = true; /* the domain or the device is gone */
        xk_device_drain(device);
        return 0;
    }
    if (own == XK_XENBUS_CLOSING && device->state < XK_XENBUS_CLOSING)
        device->state = own;
    if (device->end != XK_DEVICE_GOES_ON && !device->for_good)
        return 0; /* the next process reads these wishes again */
    if (!online && device->state < XK_XENBUS_CLOSED &&
        device->phase == XK_DEVICE_STILL &&
        device->front_state != XK_XENBUS_CLOSING)
        return xk_device_set_state(device, XK_XENBUS_CLOSED, err);
    return 0;
}

static enum xk_xenbus_action
reaction(const struct xk_device *device)
{
    if (device->front_state >= XK_XENBUS_COUNT)
        return XK_XENBUS_REFUSE;
    return xk_xenbus_backend_reaction(device->front_state, device->state);
}

/* Read our own nodes last: that fails if the store itself is broken, and then
 * the state read for the frontend means nothing. */
static int
read_both(struct xk_device *device, int *own, bool *online,
          struct xk_error *err)
{
    if (xk_front_state(device->store, device->config->frontend,
                       &device->front_state, xk_device_store_deadline(),
                       err) == -1)
        return -1;
    return xk_device_read_own(device, own, online, err);
}

int
xk_device_look(struct xk_device *device, struct xk_error *err)
{
    bool online;
    int own;

    device->must_look = false;
    device->look_after_ns = xk_now_ns() + LOOK_EVERY_NS;
    if (read_both(device, &own, &online, err) == -1)
        return -1;
    if (adopt_wishes(device, own, online, err) == -1)
        return -1;
    if (!device->nodes_gone && device->end == XK_DEVICE_GOES_ON &&
        device->phase != XK_DEVICE_DRAINING &&
        (online || device->state != XK_XENBUS_CLOSED) &&
        react(device, reaction(device), err) == -1)
        return -1;
    end_if_due(device, online);
    return 0;
}

static void
log_connection(struct xk_device *device)
{
    char text[64];

    if (!xk_device_may_log(device))
        return;
    device->kind->describe(device, text, sizeof(text));
    xk_info("%s: %s%s", device->title, text,
            device->taking_over ? ", taken over" : "");
}

static int
finish_connecting(struct xk_device *device, struct xk_error *err)
{
    const char *reason;

    if (xk_device_health(device, &reason) != XK_DEVICE_SPOILT)
        xk_device_forget_complaint(device);
    log_connection(device);
    if (device->taking_over)
        return device->kind->correct != NULL
                   ? device->kind->correct(device, err)
                   : 0;
    if (device->state >= XK_XENBUS_CONNECTED)
        return 0;
    device->must_look = true;
    return xk_device_set_state(device, XK_XENBUS_CONNECTED, err);
}

/* Tell the guest of a spoilt device to close it. A LOST device must not change
 * its state here, so that the next process finds a state that lets it take
 * over. */
static int
react_to_health(struct xk_device *device, struct xk_error *err)
{
    const char *reason;

    if (xk_device_health(device, &reason) != XK_DEVICE_SPOILT ||
        device->state >= XK_XENBUS_CLOSING)
        return 0;
    xk_device_complain(device, reason);
    return xk_device_set_state(device, XK_XENBUS_CLOSING, err);
}

int
xk_device_workers_changed(struct xk_device *device, struct xk_error *err)
{
    const char *fault = xk_device_ring_fault(device);
    int rc = 0;

    xk_device_exit_if_lost(device);
    if (device->phase == XK_DEVICE_STILL)
        return 0;
    if (device->phase != XK_DEVICE_DRAINING && fault != NULL)
        rc = stop_device(device, fault, err);
    if (device->phase == XK_DEVICE_DRAINING) {
        /* Even if the store does not answer: workers that have failed report
         * no further change. */
        xk_device_try_still(device);
        return rc;
    }
    if (react_to_health(device, err) == -1)
        return -1;
    if (device->phase == XK_DEVICE_CONNECTING && xk_device_try_serving(device))
        return finish_connecting(device, err);
    return 0;
}

/* Both ends are connected, so a process served these rings and was killed. With
 * its in-flight log nothing is lost; without the log nobody knows which
 * requests it had taken. */
static int
take_over(struct xk_device *device, struct xk_error *err)
{
    int changed = read_front(device, err);
    const char *obstacle = NULL;

    if (changed != 1)
        return changed;
    if (device->kind->check_take_over != NULL)
        obstacle = device->kind->check_take_over(device);
    if (obstacle != NULL)
        return stop_device(device, obstacle, err);
    xk_device_connect(device, true);
    return 0;
}

/* Returns true if a process served the frontend before us. A Linux frontend
 * that is asked to detach while the disk is open goes to Closing and keeps
 * using its rings. */
static bool
was_served_before(const struct xk_device *device, int own, bool online)
{
    int front = device->front_state;
    bool has_rings =
        front == XK_XENBUS_INITIALISED || front == XK_XENBUS_CONNECTED;

    if (own == XK_XENBUS_CONNECTED)
        return has_rings;
    return own == XK_XENBUS_CLOSING && !online &&
           (has_rings || front == XK_XENBUS_CLOSING);
}

int
xk_device_begin(struct xk_device *device, struct xk_error *err)
{
    const char *reason;
    bool online;
    int own;

    if (read_both(device, &own, &online, err) == -1)
        return -1;
    if (own == XK_XENBUS_UNKNOWN)
        return xk_fail(err, XK_ERR_NOT_FOUND,
                       "there is no device at \"%s\" in the store",
                       device->config->backend);
    device->state = own;
    device->must_look = true;
    if (xk_device_health(device, &reason) == XK_DEVICE_SPOILT)
        xk_device_complain(device, reason);
    if (own <= XK_XENBUS_INIT_WAIT)
        return xk_device_advertise(device, err);
    return was_served_before(device, own, online) ? take_over(device, err) : 0;
}
