/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices of every kind that xk-backend serves. libxl does not know them.
 *
 * How it works. A device consists of a directory in its domain's record, named
 * PREFIX and the device's number, and of two ends in xenstore. No other state
 * exists, so any xk process can continue from these two. The directory holds
 *
 *   device.json   the description of the device (contracts/device.h)
 *   lock          held by xk-backend while it serves; the file stays
 *   backend.json  the identity of that process (base/process.h)
 *   control       xk-backend's control socket
 *   log           xk-backend's log
 *   leaving       exists once the device was detached from the domain
 *
 * and the files of its kind (that kind's header). xk-backend starts with
 * privileges and writes backend.json before it drops them. "lock" also contains
 * a pid, for people only: the jailed process can still write to that file.
 *
 *     state      the directory holds             next
 *     HALF MADE  neither device.json nor lock    it is removed
 *     NEW        device.json, no lock            missing nodes are made, then
 *                                                it is SERVED
 *     SERVED     lock, held by a process         UNSERVED, LEAVING
 *     UNSERVED   lock, held by nobody            SERVED
 *     LEAVING    leaving                         SERVED until its backend's
 *                                                state is Closed, then GONE
 *     GONE       its name begins with "gone-"    the rest is removed
 *
 * Everything that differs by kind is in the kind's row (struct
 * xk_xen_device_kind); kinds.c lists the rows. Generic code does not know which
 * kind it serves.
 */
#ifndef XK_TOOLSTACK_XEN_DEVICE_DEVICE_H
#define XK_TOOLSTACK_XEN_DEVICE_DEVICE_H

#include "base/uid.h"
#include "contracts/device.h"
#include "toolstack/seam/device_ops.h"
#include "toolstack/xen/driver_internal.h"

enum {
    /* The processes that serve a domain's devices run as this uid plus the
     * domid. */
    XK_XEN_DEVICE_FIRST_UID = XK_UID_XEN,

    /* Most processes that serve one device: xk-backend and its companion. */
    XK_XEN_DEVICE_PROCESSES = 2,
};

struct xk_xen_device_kind;

/* A device, as read from its directory. */
struct xk_xen_device {
    const struct xk_xen_device_kind *kind;
    unsigned number;          /* the guest's number for it */
    char *path;               /* of its directory */
    struct xk_json *json;     /* device.json; NULL: missing or not understood */
    char *unknown;            /* why not; such a device can only be removed */
    struct xk_json *document; /* device.json, understood or not */
    const char *name;         /* for messages; "?" if unknown */
    const char *frontend, *backend; /* paths of its ends in xenstore, or NULL */
};

struct xk_xen_devices {
    struct xk_xen_device *items; /* by kind, and then by number */
    size_t count;
};

/* A device to make: entry "index" among the configuration's devices of that
 * kind. */
struct xk_xen_device_wish {
    const struct xk_xen_device_kind *kind;
    unsigned domid;
    const struct xk_domain_config *config;
    size_t index;
};

/* ---- kinds ---- */

/* A xenstore node of one end of a device. */
struct xk_xen_device_node {
    const char *name;
    /* Returns NULL if the device has no such node. */
    const char *(*value)(const struct xk_xen_device *device);
    /* Without value(): the member of device.json that is the node, if the
     * device has it. With neither it is the number of the device. */
    const char *member;
};

/* A kind's companion processes beside xk-backend, and the work that flushes its
 * data. */
struct xk_xen_device_side {
    /* True if the companion that xk-backend needs lives, or if it needs none.
     */
    bool (*is_there)(const struct xk_xen_device *device);
    /* Returns a pidfd of the companion, or -1. */
    int (*open)(const struct xk_xen_device *device);

    /* Start the companion. Called while no xk-backend serves the device. */
    int (*start)(const struct xk_xen_device *device,
                 struct xk_deadline deadline, struct xk_error *err);
    /* Make the companion, which lives, ready for the next xk-backend. NULL: it
     * is. */
    int (*prepare)(const struct xk_xen_device *device,
                   struct xk_deadline deadline, struct xk_error *err);

    /* See xk_xen_devices_flush() and xk_xen_device_settle(). NULL: the kind has
     * no data. */
    int (*flush)(const struct xk_xen_device *device,
                 struct xk_deadline deadline, struct xk_error *err);
    int (*settle)(const struct xk_xen_device *device,
                  struct xk_deadline deadline, struct xk_error *err);

    /* End all companions; xk-backend has ended already. stop() settles first
     * and waits until none of their I/O is in flight. */
    int (*stop)(const struct xk_xen_device *device, struct xk_deadline deadline,
                struct xk_error *err);
    int (*abandon)(const struct xk_xen_device *device,
                   struct xk_deadline deadline, struct xk_error *err);
};

struct xk_xen_device_kind {
    const char *name;         /* the first argument of xk-backend */
    const char *noun;         /* a device's name in messages: "disk" */
    const char *waits_for;    /* why xk-backend may fail to end: "its image" */
    const char *prefix;       /* of directories */
    const char *front, *back; /* path components of its ends in xenstore */
    const char *number_node;  /* the frontend's node with the number */
    const char *name_member;  /* device.json's member with the name */
    const char *libxl_verb;   /* of xk-libxl, for devices that are libxl's */

    /* Nodes beyond the ones every device has; ends with a NULL name. */
    const struct xk_xen_device_node *front_nodes, *back_nodes;

    /* The kind's devices in a configuration: their count, whether xk-backend
     * serves this one (other backends serve the rest), its number,
     * its name (the caller frees it). */
    size_t (*count)(const struct xk_domain_config *config);
    bool (*is_ours)(const struct xk_domain_config *config, size_t index);
    unsigned (*number)(const struct xk_domain_config *config, size_t index);
    char *(*config_name)(const struct xk_domain_config *config, size_t index);

    /* Report every problem that would prevent serving the device. shared:
     * another host may have its image open. */
    int (*check)(const struct xk_state *state,
                 const struct xk_domain_config *config, size_t index,
                 bool shared, struct xk_problems *problems,
                 struct xk_error *err);

    /* Returns whether the configuration wants a device that is served to be
     * another one (xk_xen_device_change()). NULL: it never does. */
    bool (*differs)(const struct xk_xen_device *device,
                    const struct xk_domain_config *config, size_t index);

    /* Write and check the members of device.json that only this kind has. */
    void (*put)(const struct xk_xen_device *device,
                const struct xk_domain_config *config, size_t index,
                struct xk_json_writer *writer);
    int (*check_json)(const struct xk_json *json, struct xk_error *err);

    /* Fails if the status (contracts/device.h) says that the guest cannot be
     * saved with this device. status may be NULL. A NULL member means that the
     * guest can always be saved. */
    int (*check_whole)(const struct xk_xen_device *device,
                       const struct xk_json *status, struct xk_error *err);

    const struct xk_xen_device_side *side; /* NULL: no companions, no data */

    /* Undo what xk-backend, which has ended, has left on this host. Called with
     * the nodes of the device still there. The device goes whether that
     * succeeds or not. NULL: it leaves nothing. */
    int (*unplug)(const struct xk_xen_device *device,
                  struct xk_deadline deadline, struct xk_error *err);
};

/* All kinds, ending with NULL. */
extern const struct xk_xen_device_kind *const xk_xen_device_kinds[];

/* ---- attach.c: devices of a configuration ---- */

/* Returns how many of the configuration's devices xk-backend serves. */
size_t xk_xen_devices_count_ours(const struct xk_domain_config *config);

/* Report every problem that would prevent serving them. Makes nothing. */
int xk_xen_devices_check(const struct xk_state *state,
                         const struct xk_domain_config *config, bool shared,
                         struct xk_problems *problems, struct xk_error *err);

/* Make the device and serve it. The domain must be paused, or the device must
 * be new to it. */
int xk_xen_device_attach(struct xk_xen *xen, const struct xk_record *record,
                         const struct xk_xen_device_wish *wish,
                         struct xk_deadline deadline, struct xk_error *err);

/* Call xk_xen_device_attach() for every device of the configuration that
 * xk-backend serves. */
int xk_xen_devices_attach(struct xk_xen *xen, const struct xk_record *record,
                          unsigned domid, const struct xk_domain_config *config,
                          struct xk_deadline deadline, struct xk_error *err);

/* Replace the device by the wished one, which has the same number. The guest is
 * not told. */
int xk_xen_device_change(const struct xk_record *record,
                         const struct xk_xen_device *device,
                         const struct xk_xen_device_wish *wish,
                         struct xk_deadline deadline, struct xk_error *err);

/* ---- change.c: devices of a domain that exists ---- */

/* Attach, change and detach the kind's devices until the domain has those of
 * the configuration (seam/device_ops.h) that xk-backend serves. */
int xk_xen_devices_change(struct xk_xen *xen,
                          const struct xk_xen_device_kind *kind,
                          const struct xk_record *record, unsigned domid,
                          const struct xk_change *change,
                          struct xk_deadline deadline, struct xk_error *err);

/* ---- devices.c: devices of a record ---- */

void xk_xen_devices_free(struct xk_xen_devices *devices);
#define XK_CLEANUP_XEN_DEVICES __attribute__((cleanup(xk_xen_devices_free)))

/* List all devices of the record. A half-made device has a NULL json. */
int xk_xen_devices_list(const struct xk_record *record,
                        struct xk_xen_devices *devices, struct xk_error *err);

/* List all devices of the record. Fails with XK_ERR_UNSUPPORTED if any
 * device.json is not understood or cannot be read at the moment: without it we
 * do not know which data to flush. */
int xk_xen_devices_list_known(const struct xk_record *record,
                              struct xk_xen_devices *devices,
                              struct xk_error *err);

/* Returns NULL if no device of that kind has the number. */
const struct xk_xen_device *
xk_xen_devices_find(const struct xk_xen_devices *devices,
                    const struct xk_xen_device_kind *kind, unsigned number);

/* Fails with XK_ERR_UNSUPPORTED if its device.json is not understood. */
int xk_xen_device_need_known(const struct xk_xen_device *device,
                             struct xk_error *err);

/* True if no process has ever served the device: its maker was killed first. */
bool xk_xen_device_is_new(const struct xk_xen_device *device);
/* Serve a new device. */
int xk_xen_device_start_new(struct xk_xen *xen,
                            const struct xk_xen_device *device,
                            struct xk_deadline deadline, struct xk_error *err);

/* Mark a device that is being detached: it is served until its guest releases
 * it, and not restarted after that. */
int xk_xen_device_mark_leaving(const struct xk_xen_device *device,
                               struct xk_error *err);
bool xk_xen_device_is_leaving(const struct xk_xen_device *device);

/* Restart the processes of devices that are not served. If one device fails,
 * the others are started all the same. */
int xk_xen_devices_start(struct xk_xen *xen, const struct xk_record *record,
                         struct xk_deadline deadline, struct xk_error *err);
bool xk_xen_devices_need_start(const struct xk_record *record);

/* Remove the leaving devices that the guest has released, then call
 * xk_xen_devices_start(). Fails with XK_ERR_FAILED if a device's process ended
 * right after its last start. */
int xk_xen_devices_repair(struct xk_xen *xen, const struct xk_record *record,
                          struct xk_deadline deadline, struct xk_error *err);

/* Flush the data written so far while the guest runs, so that the final flush
 * with the guest paused is short. Fails if a flush fails (the process that
 * flushed remembers that) or does not finish by the deadline. */
int xk_xen_devices_flush(const struct xk_record *record,
                         struct xk_deadline deadline, struct xk_error *err);

/* Flush the data of a device whose xk-backend has ended, for 30 s at most.
 * Fails if data is lost (the next xk-backend of the device learns that) or if
 * the outcome is still unknown at the deadline. */
int xk_xen_device_settle(const struct xk_xen_device *device,
                         struct xk_deadline deadline, struct xk_error *err);

/* End the processes that serve the record's devices. They finish the I/O in
 * flight or, at the deadline, end without. Afterwards no guest memory is mapped
 * and no host resource is open for the guest. Fails if written data is lost;
 * some devices may be unserved then. */
int xk_xen_devices_stop(const struct xk_record *record,
                        struct xk_deadline deadline, struct xk_error *err);

/* Stop the devices for good and remove their nodes and directories. Each
 * directory disappears in one step, so a device exists as a whole or not at
 * all. */
int xk_xen_devices_remove(struct xk_xen *xen, const struct xk_record *record,
                          struct xk_deadline deadline, struct xk_error *err);
int xk_xen_device_remove(struct xk_xen *xen, const struct xk_record *record,
                         const struct xk_xen_device *device,
                         struct xk_deadline deadline, struct xk_error *err);

/* ---- process.c ---- */

bool xk_xen_device_is_served(const struct xk_xen_device *device);

/* Start the processes that serve the device, and wait until it is offered to
 * the guest. */
int xk_xen_device_start(const struct xk_xen_device *device,
                        struct xk_deadline deadline, struct xk_error *err);

/* Ask xk-backend to end without waiting, so that several can end at once. */
void xk_xen_device_begin_stop(const struct xk_xen_device *device);

/* End all processes of the device and flush its data. */
int xk_xen_device_stop(const struct xk_xen_device *device,
                       struct xk_deadline deadline, struct xk_error *err);

/* End the device's processes for good. If the host's I/O hangs, they may
 * outlive this call until the kernel releases them; they hold nothing of the
 * guest by then. */
int xk_xen_device_abandon(const struct xk_xen_device *device,
                          struct xk_deadline deadline, struct xk_error *err);

/* Returns a pidfd of the device's xk-backend, or -1. */
int xk_xen_device_open_backend(const struct xk_xen_device *device);

/* Open pidfds of all processes that serve the device; the caller owns them.
 * Returns their count. */
size_t xk_xen_device_open_processes(const struct xk_xen_device *device,
                                    int fds[XK_XEN_DEVICE_PROCESSES]);

/* ---- control_client.c ---- */

/* Send xk-backend a question (contracts/device.h) and wait for the answer, 5 s
 * at most. The caller owns the answer. XK_ERR_STATE: no xk-backend serves the
 * device. */
struct xk_json *xk_xen_device_ask(const struct xk_xen_device *device,
                                  const char *question,
                                  struct xk_deadline deadline,
                                  struct xk_error *err);

/* Takes numbers of a status; 0 for those that it lacks. */
struct xk_xen_device_count {
    const char *name; /* in the status */
    uint64_t *to;
};
void xk_xen_device_take_counts(const struct xk_json *status,
                               const struct xk_xen_device_count *counts,
                               size_t count);

/* Returns the status's word for the state, or "?". */
const char *xk_xen_device_state(const struct xk_json *status);

/* ---- nodes.c: both ends in xenstore ---- */

int xk_xen_device_make_nodes(struct xk_xen *xen,
                             const struct xk_xen_device *device, unsigned domid,
                             struct xk_deadline deadline, struct xk_error *err);
/* Make the nodes unless they exist. */
int xk_xen_device_need_nodes(struct xk_xen *xen,
                             const struct xk_xen_device *device,
                             struct xk_deadline deadline, struct xk_error *err);
/* Returns 1 if its backend is Closed or has no nodes, 0 if the guest may still
 * use it. */
int xk_xen_device_has_left(struct xk_xen *xen,
                           const struct xk_xen_device *device,
                           struct xk_deadline deadline, struct xk_error *err);
/* Ask the frontend to close. */
int xk_xen_device_ask_to_leave(struct xk_xen *xen,
                               const struct xk_xen_device *device,
                               struct xk_deadline deadline,
                               struct xk_error *err);
int xk_xen_device_remove_nodes(struct xk_xen *xen,
                               const struct xk_xen_device *device,
                               struct xk_deadline deadline,
                               struct xk_error *err);

#endif
