/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the two ends of a device communicate through their state nodes: the
 * states of xen/io/xenbus.h, and how a backend reacts to them.
 */
#ifndef XK_XENSTORE_HELPERS_XENBUS_H
#define XK_XENSTORE_HELPERS_XENBUS_H

#include <stdbool.h>

enum xk_xenbus_state {
    XK_XENBUS_UNKNOWN = 0, /* also if the node is missing */
    XK_XENBUS_INITIALISING = 1,
    XK_XENBUS_INIT_WAIT = 2,
    XK_XENBUS_INITIALISED = 3,
    XK_XENBUS_CONNECTED = 4,
    XK_XENBUS_CLOSING = 5,
    XK_XENBUS_CLOSED = 6,
    XK_XENBUS_RECONFIGURING = 7,
    XK_XENBUS_RECONFIGURED = 8,
    XK_XENBUS_COUNT,
};

enum xk_xenbus_action {
    XK_XENBUS_NOTHING,
    XK_XENBUS_ADVERTISE,   /* unmap all, offer again, go to InitWait */
    XK_XENBUS_CONNECT,     /* map the rings, go to Connected */
    XK_XENBUS_RECHECK,     /* if the rings changed, connect again */
    XK_XENBUS_STOP,        /* take no more requests, go to Closing */
    XK_XENBUS_CLOSE,       /* drain, unmap all, go to Closed */
    XK_XENBUS_REMOVE,      /* drain, unmap all, remove the backend's nodes */
    XK_XENBUS_RECONFIGURE, /* read options again, go to Reconfigured */
    XK_XENBUS_REFUSE,      /* report it in the error node, else ignore it */
};

/* Returns "Connected" and so on; "?" for a number that is not a state. */
const char *xk_xenbus_state_name(int state);

/* Parse the text of a state node. For NULL, and for anything but a known
 * number, returns false and sets XK_XENBUS_UNKNOWN. */
bool xk_xenbus_state_parse(const char *text, enum xk_xenbus_state *state);

/* Returns what a backend in state `backend` does when its frontend is in state
 * `frontend`. A number that is not a state, which a guest can write, is
 * refused. */
enum xk_xenbus_action xk_xenbus_backend_reaction(int frontend, int backend);

#endif
