/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device of a guest, from its directory to its end, whatever its kind.
 *
 * How it works. One thread watches the store, the control socket and what its
 * workers report; it never waits for what is behind the device (an image, a
 * network). It reads the states of frontend and backend anew after each change,
 * and xenbus.h says what follows, so it may miss any number of changes. While
 * rings are let go of, nothing is decided; afterwards the states are read
 * again.
 *
 * What is about blocks or networks is the kind's: a table of calls. Life knows
 * kinds by that table only. Kinds call life by this header, frontend.h and
 * jail.h.
 *
 * How privileges end, in xk_device_open():
 *   1. signals are blocked, so that no thread takes one;
 *   2. the kind reads device.json, as root;
 *   3. the directory's lock is taken: one process serves a device;
 *   4. the kind opens what is behind the device and starts its workers;
 *   5. store and control socket are opened, the workers have opened theirs;
 *   6. the process becomes another user, with few descriptors and a short list
 *      of system calls (jail.h): from here on nothing can be opened.
 */
#ifndef XK_BACKENDS_LIFE_DEVICE_H
#define XK_BACKENDS_LIFE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/life/device_config.h"
#include "backends/ring/guest.h"
#include "backends/worker/worker.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/json.h"
#include "xenstore-helpers/store.h"

enum {
    XK_DEVICE_WORKERS_MAX = 16,
    XK_DEVICE_COUNTS_MAX = 32, /* of xk_device_put_counts() */
};

struct xk_device;
struct xk_jail_calls;

enum xk_device_health {
    XK_DEVICE_SOUND,
    XK_DEVICE_SPOILT, /* for good: its guest is asked to close */
    XK_DEVICE_LOST,   /* this process is of no use any more: it exits as if
                         killed, and the next one goes on */
};

/* What the control socket may be told besides "stop" and "leave". */
struct xk_device_order {
    const char *name;
    int (*run)(struct xk_device *device, struct xk_error *err);
};

struct xk_device_kind {
    const char *name;   /* the first argument of xk-backend; "a NAME device" */
    const char *behind; /* what it waits for, in messages: "the image" */

    const struct xk_jail_calls *calls; /* NULL: no more than any kind needs */

    /* ---- with all privileges, once, in this order ---- */

    /* Read device.json. Sets own, config and title of the device. */
    int (*configure)(struct xk_device *device, const char *dir,
                     struct xk_error *err);
    /* Open what is behind the device, and add workers. No other process serves
     * the directory. */
    int (*open)(struct xk_device *device, const char *dir,
                struct xk_error *err);

    /* ---- without ---- */

    /* The guest may be served from now on. May be NULL. */
    void (*begin)(struct xk_device *device);

    /* Write the nodes of this kind, within the transaction that writes the
     * state InitWait after them: some frontends read them then, others only
     * when the backend is connected. */
    int (*advertise)(struct xk_device *device, uint32_t tx,
                     struct xk_deadline deadline, struct xk_error *err);

    /* Read and check what the frontend offers, and keep it beside what is
     * connected. 1: it is another than that; 0: it is the same. A lie is
     * XK_ERR_PROTOCOL; any other error means that the store cannot be asked. */
    int (*read_front)(struct xk_device *device, struct xk_error *err);

    /* Whether the rings that were read can be taken over from a process that
     * was killed: NULL, or why not. The call may be NULL: they always can. */
    const char *(*check_take_over)(struct xk_device *device);

    /* Have workers connect to what was read, the first ones of the device.
     * Returns how many. */
    unsigned (*connect)(struct xk_device *device, bool take_over);

    /* All of them run: describe the connection in `text`. */
    void (*describe)(const struct xk_device *device, char *text, size_t size);

    /* It runs after a take-over: correct nodes that have become wrong. May be
     * NULL. */
    int (*correct)(struct xk_device *device, struct xk_error *err);

    /* The rings are unmapped, by all workers. */
    void (*disconnected)(struct xk_device *device);

    /* *reason is set where it is not sound; that of LOST is a clause ("... is
     * gone") which "so are we" follows. Cheap; changes are told by
     * xk_worker_tell(). May be NULL: it is always sound. */
    enum xk_device_health (*health)(const struct xk_device *device,
                                    const char **reason);

    const struct xk_device_order *orders;
    size_t order_count;

    /* Members of the answer to a question, after "state" and "reason". */
    void (*put_status)(struct xk_device *device, struct xk_json_writer *writer);

    /* The workers have ended. served: it was offered to its guest, or taken
     * over; false where opening it failed. */
    void (*close)(struct xk_device *device, bool served);
};

/* Take the directory (XK_ERR_IN_USE where another process has it) and all that
 * the device needs, and give up all privileges. Then offer the device to its
 * frontend, or take over from a process that was killed. */
struct xk_device *xk_device_open(const struct xk_device_kind *kind,
                                 const char *dir, struct xk_error *err);

/* Serve until the device is gone. Nothing is mapped then. */
void xk_device_run(struct xk_device *device);

void xk_device_close(struct xk_device *device);

/* ---- for kinds ---- */

/* In configure(). config and title, the device's name in messages ("xvda"),
 * live as long as the device. */
void xk_device_set(struct xk_device *device, void *own,
                   const struct xk_device_config *config, const char *title);
void *xk_device_own(const struct xk_device *device);

/* What workers are given to tell of their changes. */
int xk_device_changed_fd(const struct xk_device *device);

/* In open(): add one, which the device then frees. There is room for
 * XK_DEVICE_WORKERS_MAX. */
void xk_device_add_worker(struct xk_device *device, struct xk_worker *worker);
/* How many: as many as are asked for, or by the host's processors if that is 0.
 */
unsigned xk_device_choose_workers(unsigned asked);
/* The same for `count` workers, each made by `make` with a guest of its own,
 * which it takes even where it fails. */
int xk_device_add_workers(struct xk_device *device, unsigned count,
                          struct xk_worker *(*make)(struct xk_device *device,
                                                    struct xk_guest *guest,
                                                    unsigned number,
                                                    struct xk_error *err),
                          struct xk_error *err);
struct xk_worker *xk_device_worker(const struct xk_device *device,
                                   unsigned number);
unsigned xk_device_worker_count(const struct xk_device *device);

/* NULL once xenstored is gone: rings are served on without. */
struct xk_store *xk_device_store(const struct xk_device *device);
/* For calls of the store outside of a transaction. */
struct xk_deadline xk_device_store_deadline(void);

/* Counters of a kind are a struct of 64-bit numbers, which each worker has. A
 * row tells where one is, and its name in the status. */
struct xk_device_count {
    const char *name;
    size_t at;
};

/* Put the sums over all workers; read() fills in those of one. */
void xk_device_put_counts(const struct xk_device *device,
                          struct xk_json_writer *writer,
                          void (*read)(const struct xk_worker *worker,
                                       void *counts),
                          const struct xk_device_count *rows, size_t count);

/* Write a node of the backend's directory. */
int xk_device_put_text(struct xk_device *device, uint32_t tx, const char *name,
                       const char *text, struct xk_deadline deadline,
                       struct xk_error *err);
int xk_device_put_number(struct xk_device *device, uint32_t tx,
                         const char *name, uint64_t number,
                         struct xk_deadline deadline, struct xk_error *err);

/* A node and its number. */
struct xk_device_number {
    const char *name;
    uint64_t value;
};
int xk_device_put_numbers(struct xk_device *device, uint32_t tx,
                          const struct xk_device_number *nodes, size_t count,
                          struct xk_deadline deadline, struct xk_error *err);

/* Write nodes by `put` and the state after them, in one transaction: frontends
 * read nodes again whenever the state is written, even the same one. A device
 * whose nodes are gone is not an error. XK_ERR_HOST where xenstored is. */
int xk_device_publish(struct xk_device *device,
                      int (*put)(struct xk_device *device, uint32_t tx,
                                 struct xk_deadline deadline,
                                 struct xk_error *err),
                      struct xk_error *err);

#endif
