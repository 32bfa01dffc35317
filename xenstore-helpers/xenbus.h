/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the two ends of a device talk through their state nodes: the states of
 * xen/io/xenbus.h and what a backend does about what it sees.
 */
#ifndef XK_XENSTORE_HELPERS_XENBUS_H
#define XK_XENSTORE_HELPERS_XENBUS_H

#include <stdbool.h>

enum xk_xenbus_state {
    XK_XENBUS_UNKNOWN = 0, /* also: the node is not there */
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
    XK_XENBUS_ADVERTISE,   /* let go of all, offer again, go to InitWait */
    XK_XENBUS_CONNECT,     /* then go to Connected */
    XK_XENBUS_RECHECK,     /* rings changed: connect anew; same: nothing */
    XK_XENBUS_STOP,        /* take no more requests, go to Closing */
    XK_XENBUS_CLOSE,       /* drain, let go of all, go to Closed */
    XK_XENBUS_REMOVE,      /* the same, then remove the backend's nodes */
    XK_XENBUS_RECONFIGURE, /* read options again, go to Reconfigured */
    XK_XENBUS_REFUSE,      /* say so in the error node, else ignore it */
};

/* "Connected"; "?" for a number that is no state. */
const char *xk_xenbus_state_name(int state);

/* The text of a state node. Anything but a known number, and NULL, is
 * XK_XENBUS_UNKNOWN with false returned. */
bool xk_xenbus_state_parse(const char *text, enum xk_xenbus_state *state);

/* What a backend in state `backend` does on seeing `frontend`. Numbers that
 * are no state are refused: they are a guest's. */
enum xk_xenbus_action xk_xenbus_backend_reaction(int frontend, int backend);

#endif
