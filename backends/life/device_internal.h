/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a device. Each file uses only the files above it:
 *
 *   nodes.c    the backend's nodes in the store
 *   rings.c    all workers together: connect, drain, abandon
 *   end.c      how the process ends
 *   states.c   reactions to the states of both ends
 *   orders.c   answers on the control socket
 *   device.c   the process: open, run, close
 */
#ifndef XK_BACKENDS_LIFE_DEVICE_INTERNAL_H
#define XK_BACKENDS_LIFE_DEVICE_INTERNAL_H

#include "backends/life/control.h"
#include "backends/life/device.h"

/* The state of all rings together; rings.c has the table of transitions. */
enum xk_device_phase {
    XK_DEVICE_STILL,      /* no rings */
    XK_DEVICE_CONNECTING, /* workers map the rings */
    XK_DEVICE_SERVING,
    XK_DEVICE_DRAINING, /* workers finish their requests and unmap */
    XK_DEVICE_PHASES,
};

/* How far this process has come on the way to its end. The value only
 * grows. */
enum xk_device_end {
    XK_DEVICE_GOES_ON,
    XK_DEVICE_ASKED, /* to end: drain, and wait for the requests in flight */
    XK_DEVICE_STUCK, /* a worker hangs in the kernel: whoever asked us to end
                        must kill us */
    XK_DEVICE_DONE,
};

struct xk_device {
    const struct xk_device_kind *kind;
    void *own;
    const struct xk_device_config *config;
    const char *title;

    int lock_fd, signal_fd, changed_fd;
    struct xk_store *store; /* NULL once xenstored is gone */
    struct xk_control *control;
    struct xk_worker *workers[XK_DEVICE_WORKERS_MAX];
    unsigned worker_count;
    unsigned connected; /* how many, from the first, have rings, or map or
                           unmap them */

    enum xk_device_phase phase; /* only rings.c changes it */
    enum xk_device_end end;     /* only xk_device_advance_end() changes it */
    bool for_good;   /* asked to end, and no process will serve it after us */
    bool nodes_gone; /* or about to go: drain, remove the rest, end */

    int state; /* the backend's state in the store */
    int front_state;
    bool must_look;        /* the store may have changed: read it again */
    int64_t look_after_ns; /* but not before this time */
    bool taking_over;      /* do not write Connected again */
    int64_t abandon_ns;    /* when to stop waiting for requests in flight */
    bool served;           /* kind->begin() was called, and nothing failed */
    char reason[256];      /* why it does not serve; "" if it does */
    bool has_error_node;
    int64_t next_line_ns; /* when the guest may cause the next log line */
};

/* ---- nodes.c: the backend's nodes in the store ---- */

/* Write the kind's nodes and the state InitWait. */
int xk_device_advertise(struct xk_device *device, struct xk_error *err);
int xk_device_set_state(struct xk_device *device, int state,
                        struct xk_error *err);
/* Returns false if the guest has caused too many log lines: logs are
 * bounded. */
bool xk_device_may_log(struct xk_device *device);
/* Keep the reason, log it and write it to the error node. */
void xk_device_complain(struct xk_device *device, const char *reason);
/* Clear the reason and the error node: the device is served again. */
void xk_device_forget_complaint(struct xk_device *device);
/* Read the nodes by which the toolstack tells us its wishes. *state is
 * XK_XENBUS_UNKNOWN if our nodes are gone. */
int xk_device_read_own(struct xk_device *device, int *state, bool *online,
                       struct xk_error *err);
void xk_device_remove_nodes(struct xk_device *device);

/* ---- rings.c: all workers that have rings ---- */

/* STILL -> CONNECTING, to the rings that the kind last read. */
void xk_device_connect(struct xk_device *device, bool take_over);
/* CONNECTING -> SERVING. False: a worker is still connecting. */
bool xk_device_try_serving(struct xk_device *device);
/* CONNECTING, SERVING -> DRAINING: tell the workers to finish and unmap. In
 * other phases it does nothing. */
void xk_device_drain(struct xk_device *device);
/* DRAINING -> STILL. False: a worker is still draining. */
bool xk_device_try_still(struct xk_device *device);
/* Returns why a worker is BROKEN or FAILED; NULL: no worker is. */
const char *xk_device_ring_fault(const struct xk_device *device);
/* Unmap without waiting for requests in flight. False: a worker did not react
 * in time. */
bool xk_device_abandon_rings(struct xk_device *device);

/* ---- end.c: how the process ends ---- */

/* Set device->end, which must be lower than `end`. */
void xk_device_advance_end(struct xk_device *device, enum xk_device_end end);
/* Begin to end; a later process may serve the device. */
void xk_device_stop(struct xk_device *device);
/* Begin to end; no process will serve the device after this one. */
void xk_device_leave(struct xk_device *device);
/* Returns true if we were asked to end and requests are still in flight. */
bool xk_device_waits(const struct xk_device *device);
/* Exit without waiting for them. Returns only if a worker does not react. */
void xk_device_abandon(struct xk_device *device);
/* Returns the device's health, and sets *reason unless it is SOUND. */
enum xk_device_health xk_device_health(const struct xk_device *device,
                                       const char **reason);
void xk_device_exit_if_lost(const struct xk_device *device);

/* ---- states.c: reactions to the states of both ends ---- */

/* Advertise the device, or take over from a killed process. Call it once. */
int xk_device_begin(struct xk_device *device, struct xk_error *err);
/* Read the states of both ends and react to them. */
int xk_device_look(struct xk_device *device, struct xk_error *err);
/* React to a worker's new state, or to a change of the device's health. */
int xk_device_workers_changed(struct xk_device *device, struct xk_error *err);

/* ---- orders.c: the control socket ---- */

void xk_device_answer(void *context, const struct xk_json *asked,
                      struct xk_buf *answer);

#endif
