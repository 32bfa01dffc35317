/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device from inside. Each file uses those above it only:
 *
 *   nodes.c    the backend's nodes in the store
 *   rings.c    all workers together: connect, drain, abandon
 *   end.c      how the process ends
 *   states.c   what follows from the states of both ends
 *   orders.c   the control socket
 *   device.c   the process: opened, run, closed
 */
#ifndef XK_BACKENDS_LIFE_DEVICE_INTERNAL_H
#define XK_BACKENDS_LIFE_DEVICE_INTERNAL_H

#include "backends/life/control.h"
#include "backends/life/device.h"

/* Where the rings are; rings.c has the table of what follows what. */
enum xk_device_phase {
    XK_DEVICE_STILL,      /* no rings */
    XK_DEVICE_CONNECTING, /* workers map them */
    XK_DEVICE_SERVING,
    XK_DEVICE_DRAINING, /* workers finish and unmap */
    XK_DEVICE_PHASES,
};

/* How far the end of this process is. It only grows. */
enum xk_device_end {
    XK_DEVICE_GOES_ON,
    XK_DEVICE_ASKED, /* to end: drain, and wait for what is behind it */
    XK_DEVICE_STUCK, /* in the kernel: whoever waits for its end kills it */
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
    unsigned connected; /* the first ones have rings, or map or unmap them */

    enum xk_device_phase phase; /* changed by rings.c only */
    enum xk_device_end end;     /* by xk_device_advance_end() only */
    bool for_good;   /* asked to end, and no process will serve it after us */
    bool nodes_gone; /* or are to go: end once drained, and remove the rest */

    int state; /* ours, in the store */
    int front_state;
    bool look;             /* the store may have changed */
    int64_t look_after_ns; /* not before */
    bool taking_over;      /* state 4 is not written again */
    int64_t abandon_ns;    /* until then it waits for what is behind it */
    bool served;           /* kind->begin() was called, and nothing failed */
    char reason[256];      /* why it does not serve; "" */
    bool has_error_node;
    int64_t next_line_ns; /* when the next line about the guest is due */
};

/* ---- nodes.c: our nodes in the store ---- */

int xk_device_advertise(struct xk_device *device, struct xk_error *err);
int xk_device_set_state(struct xk_device *device, int state,
                        struct xk_error *err);
/* False: the guest makes us say too much; a log has an end. */
bool xk_device_may_log(struct xk_device *device);
/* Keep the reason, log it and write it to the error node. */
void xk_device_complain(struct xk_device *device, const char *reason);
/* It is served again. */
void xk_device_forget_complaint(struct xk_device *device);
/* What others want of us. *state: XK_XENBUS_UNKNOWN where our nodes are gone.
 */
int xk_device_read_own(struct xk_device *device, int *state, bool *online,
                       struct xk_error *err);
void xk_device_remove_nodes(struct xk_device *device);

/* ---- rings.c: all workers that have rings ---- */

/* STILL -> CONNECTING, to what the kind has read of the frontend. */
void xk_device_connect(struct xk_device *device, bool take_over);
/* CONNECTING -> SERVING. False: a worker is still at it. */
bool xk_device_try_serving(struct xk_device *device);
/* CONNECTING, SERVING -> DRAINING: have them finish and unmap. No more than
 * that in other phases. */
void xk_device_drain(struct xk_device *device);
/* DRAINING -> STILL. False: a worker is still at it. */
bool xk_device_try_still(struct xk_device *device);
/* Why a worker is broken or has failed; NULL: none is. */
const char *xk_device_ring_fault(const struct xk_device *device);
/* Unmap without waiting for what is under way. False: a worker does not obey.
 */
bool xk_device_abandon_rings(struct xk_device *device);

/* ---- end.c ---- */

/* It must not have come that far before. */
void xk_device_advance_end(struct xk_device *device, enum xk_device_end end);
void xk_device_stop(struct xk_device *device);
/* The same, for good: nothing is left to another process. */
void xk_device_leave(struct xk_device *device);
/* It was asked to end, and waits for what is behind it. */
bool xk_device_waits(const struct xk_device *device);
/* End without that. Returns only where a worker does not obey. */
void xk_device_abandon(struct xk_device *device);
/* *reason is set where it is not sound. */
enum xk_device_health xk_device_health(const struct xk_device *device,
                                       const char **reason);
void xk_device_exit_if_lost(const struct xk_device *device);

/* ---- states.c: what follows from the states of both ends ---- */

int xk_device_begin(struct xk_device *device, struct xk_error *err);
int xk_device_look(struct xk_device *device, struct xk_error *err);
/* A worker reached another state, or the device's health changed. */
int xk_device_workers_changed(struct xk_device *device, struct xk_error *err);

/* ---- orders.c: the control socket ---- */

void xk_device_answer(void *context, const struct xk_json *asked,
                      struct xk_buf *answer);

#endif
