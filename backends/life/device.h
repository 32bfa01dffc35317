/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a guest's device of any kind, from its directory to its end.
 *
 * How it works. One thread watches the store, the control socket and the
 * workers' reports. It never waits for the device's resource (an image, a
 * network). After each change it reads the states of frontend and backend
 * again, and xenbus.h says how to react, so it may miss any number of changes.
 * While rings are drained it decides nothing; afterwards it reads the states
 * again.
 *
 * Everything specific to blocks or networks belongs to the kind, a table of
 * calls. Life knows a kind only by that table. Kinds call life only through
 * this header, frontend.h and jail.h.
 *
 * How xk_device_open() drops privileges:
 *   1. signals are blocked, so that no thread receives one;
 *   2. the kind reads device.json, as root;
 *   3. the directory's lock is taken: only one process serves a device;
 *   4. the kind opens the device's resource and starts its workers;
 *   5. store and control socket are opened, and each worker has opened what it
 *      needs;
 *   6. the process changes its user, limits its descriptors and installs a
 *      short list of allowed system calls (jail.h): from here on nothing can
 *      be opened.
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
    XK_DEVICE_COUNTS_MAX = 32, /* in xk_device_put_counts() */
};

struct xk_device;
struct xk_jail_calls;

enum xk_device_health {
    XK_DEVICE_SOUND,
    XK_DEVICE_SPOILT, /* permanently: ask the guest to close the device */
    XK_DEVICE_LOST,   /* this process can do nothing more: it exits as if
                         killed, and its successor goes on */
};

/* An order on the control socket besides "stop" and "leave". */
struct xk_device_order {
    const char *name;
    int (*run)(struct xk_device *device, struct xk_error *err);
};

struct xk_device_kind {
    const char *name;   /* the first argument of xk-backend; "a NAME device" */
    const char *behind; /* the resource, as messages name it: "the image" */

    const struct xk_jail_calls *calls; /* beside those that every kind needs;
                                          NULL: none */

    /* ---- called with all privileges, once each, in this order ---- */

    /* Read device.json and call xk_device_set(). */
    int (*configure)(struct xk_device *device, const char *dir,
                     struct xk_error *err);
    /* Open the device's resource and add workers. The lock is held: no other
     * process serves the directory. */
    int (*open)(struct xk_device *device, const char *dir,
                struct xk_error *err);

    /* ---- called without privileges ---- */

    /* Called once, before the guest can be served. May be NULL. */
    void (*begin)(struct xk_device *device);

    /* Write the nodes of this kind. The same transaction then writes the state
     * InitWait: some frontends read the nodes in that state, others only when
     * the backend is Connected. */
    int (*advertise)(struct xk_device *device, uint32_t tx,
                     struct xk_deadline deadline, struct xk_error *err);

    /* Read and check the rings that the frontend offers, and keep them beside
     * those that are connected. 1: they differ; 0: they are the same. Invalid
     * nodes are XK_ERR_PROTOCOL; any other error means that the store cannot
     * be asked. */
    int (*read_front)(struct xk_device *device, struct xk_error *err);

    /* Returns NULL if the rings last read can be taken over from a killed
     * process, else the reason why not. May be NULL: they always can. */
    const char *(*check_take_over)(struct xk_device *device);

    /* Have the first workers of the device connect to the rings last read.
     * Returns how many workers that are. */
    unsigned (*connect)(struct xk_device *device, bool take_over);

    /* Describe the connection in `text`. Called when all workers run. */
    void (*describe)(const struct xk_device *device, char *text, size_t size);

    /* Correct nodes that are out of date. Called when all workers run after a
     * take-over. May be NULL. */
    int (*correct)(struct xk_device *device, struct xk_error *err);

    /* All workers have unmapped their rings. */
    void (*disconnected)(struct xk_device *device);

    /* Returns the device's health, and sets *reason unless it is SOUND. The
     * reason of LOST is a clause without full stop ("... is gone"), which the
     * log continues. Called often, so it must be cheap; xk_worker_tell()
     * reports a change. May be NULL: the device is always SOUND. */
    enum xk_device_health (*health)(const struct xk_device *device,
                                    const char **reason);

    const struct xk_device_order *orders;
    size_t order_count;

    /* Write the members of a status that follow "state" and "reason". */
    void (*put_status)(struct xk_device *device, struct xk_json_writer *writer);

    /* Free what configure() and open() made. The workers have ended. served:
     * the device was offered to its guest, or taken over; false if opening it
     * failed. */
    void (*close)(struct xk_device *device, bool served);
};

/* Lock the directory (XK_ERR_IN_USE if another process holds the lock), open
 * all that the device needs, and drop all privileges. Then offer the device to
 * its frontend, or take over from a killed process. */
struct xk_device *xk_device_open(const struct xk_device_kind *kind,
                                 const char *dir, struct xk_error *err);

/* Serve until the process is to end. Nothing is mapped when this returns. */
void xk_device_run(struct xk_device *device);

void xk_device_close(struct xk_device *device);

/* ---- for kinds ---- */

/* Set the kind's own data, the configuration and the title, which names the
 * device in messages ("xvda"). For configure(). All three live as long as the
 * device. */
void xk_device_set(struct xk_device *device, void *own,
                   const struct xk_device_config *config, const char *title);
void *xk_device_own(const struct xk_device *device);

/* The eventfd on which workers report changes. */
int xk_device_changed_fd(const struct xk_device *device);

/* Add a worker, which the device then owns. For open(); at most
 * XK_DEVICE_WORKERS_MAX. */
void xk_device_add_worker(struct xk_device *device, struct xk_worker *worker);
/* Returns the number asked for, or if that is 0 a number by the host's
 * processors. */
unsigned xk_device_choose_workers(unsigned asked);
/* Add `count` workers. make() makes each of them with a guest of its own, which
 * make() takes, also if it fails. */
int xk_device_add_workers(struct xk_device *device, unsigned count,
                          struct xk_worker *(*make)(struct xk_device *device,
                                                    struct xk_guest *guest,
                                                    unsigned number,
                                                    struct xk_error *err),
                          struct xk_error *err);
struct xk_worker *xk_device_worker(const struct xk_device *device,
                                   unsigned number);
unsigned xk_device_worker_count(const struct xk_device *device);

/* Returns NULL once xenstored is gone; rings are still served then. */
struct xk_store *xk_device_store(const struct xk_device *device);
/* The deadline for a store call outside a transaction. */
struct xk_deadline xk_device_store_deadline(void);

/* The counters of a kind are a struct of 64-bit numbers in each worker. A row
 * has the place of one of them, and its name in the status. */
struct xk_device_count {
    const char *name;
    size_t at;
};

/* Write the sums over all workers. read() fills in the counters of one. */
void xk_device_put_counts(const struct xk_device *device,
                          struct xk_json_writer *writer,
                          void (*read)(const struct xk_worker *worker,
                                       void *counts),
                          const struct xk_device_count *rows, size_t count);

/* Write a text or a number to a node of the backend's directory. */
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

/* Write nodes with `put` and then the state, in one transaction: frontends
 * read the nodes again whenever the state is written, even if it is the same.
 * Missing nodes of the device are not an error. XK_ERR_HOST if xenstored is
 * gone. */
int xk_device_publish(struct xk_device *device,
                      int (*put)(struct xk_device *device, uint32_t tx,
                                 struct xk_deadline deadline,
                                 struct xk_error *err),
                      struct xk_error *err);

#endif
