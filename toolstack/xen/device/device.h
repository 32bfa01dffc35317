/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that xk-backend serves, of any kind. libxl knows nothing of them.
 *
 * How it works. A device is a directory in the record of its domain, PREFIX and
 * the number of the device, and two ends in the store. Nothing else is known of
 * it, so any process of xk can go on from there. In the directory are
 *
 *   device.json   what the device is (contracts/device.h)
 *   lock          held by xk-backend as long as it serves; the file stays
 *   backend.json  which process that is (base/process.h)
 *   control       the socket of xk-backend
 *   log           what xk-backend says
 *   leaving       the device is not the domain's any more
 *
 * and the files of its kind (that kind's header tells them). xk-backend starts
 * with privileges, and writes backend.json before it gives them up. "lock" has
 * a pid in it as well, which is for people: a process that is jailed can still
 * write there.
 *
 *     state      what the directory has            next
 *     HALF MADE  neither device.json nor lock      it is removed
 *     NEW        device.json, no lock              its missing nodes are made,
 *                                                  and it is served
 *     SERVED     lock, and a process that has it   UNSERVED, LEAVING
 *     UNSERVED   lock                              SERVED
 *     LEAVING    leaving                           SERVED until its end in the
 *                                                  store is Closed, then GONE
 *     GONE       its name begins with "gone-"      what is left is removed
 *
 * What differs by kind is in the row of the kind (struct xk_xen_device_kind);
 * kinds.c has the rows. Code of any device does not know what it serves.
 */
#ifndef XK_TOOLSTACK_XEN_DEVICE_DEVICE_H
#define XK_TOOLSTACK_XEN_DEVICE_DEVICE_H

#include "base/uid.h"
#include "contracts/device.h"
#include "toolstack/xen/domains.h"

enum {
    /* What serves the devices of a domain runs as the user of this number plus
     * the number of the domain. */
    XK_XEN_DEVICE_FIRST_UID = XK_UID_XEN,

    /* How many processes a device has at most: xk-backend and one beside it. */
    XK_XEN_DEVICE_PROCESSES = 2,
};

struct xk_xen_device_kind;

/* A device, as in its directory. */
struct xk_xen_device {
    const struct xk_xen_device_kind *kind;
    unsigned number;      /* as the guest knows it */
    char *path;           /* of its directory */
    struct xk_json *json; /* device.json; NULL: missing, or not understood */
    char *unknown;        /* why it is not: the device can only be ended then */
    struct xk_json *document; /* device.json, understood or not */
    const char *name; /* as people call it; "?" where that is not known */
    const char *frontend, *backend; /* its ends in the store, or NULL */
};

struct xk_xen_devices {
    struct xk_xen_device *items; /* by kind, and then by number */
    size_t count;
};

/* A device that a domain is to have: the one at that index among the devices of
 * its kind in the configuration. */
struct xk_xen_device_wish {
    const struct xk_xen_device_kind *kind;
    unsigned domid;
    const struct xk_domain_config *config;
    size_t index;
};

/* ---- kinds ---- */

/* A node of one end of a device in the store. */
struct xk_xen_device_node {
    const char *name;
    /* NULL: the number of the device. Returns NULL if the device has no such
     * node. */
    const char *(*value)(const struct xk_xen_device *device);
};

/* What a kind has beside xk-backend: processes that xk-backend needs, and work
 * before and after it ends. */
struct xk_xen_device_side {
    /* Whether the process that xk-backend needs lives, or it needs none. */
    bool (*is_there)(const struct xk_xen_device *device);
    /* A pidfd of that process, or -1. */
    int (*open)(const struct xk_xen_device *device);

    /* Start that process. No xk-backend serves the device. */
    int (*start)(const struct xk_xen_device *device,
                 struct xk_deadline deadline, struct xk_error *err);
    /* Make that process, which lives, ready for the next xk-backend. */
    int (*prepare)(const struct xk_xen_device *device,
                   struct xk_deadline deadline, struct xk_error *err);

    /* xk_xen_devices_flush() and xk_xen_device_settle(). */
    int (*flush)(const struct xk_xen_device *device,
                 struct xk_deadline deadline, struct xk_error *err);
    int (*settle)(const struct xk_xen_device *device,
                  struct xk_deadline deadline, struct xk_error *err);

    /* End all processes beside xk-backend, which has ended. stop() settles
     * first, and waits until nothing that they began is under way. */
    int (*stop)(const struct xk_xen_device *device, struct xk_deadline deadline,
                struct xk_error *err);
    int (*abandon)(const struct xk_xen_device *device,
                   struct xk_deadline deadline, struct xk_error *err);
};

struct xk_xen_device_kind {
    const char *name;         /* the first argument of xk-backend */
    const char *noun;         /* what messages call a device: "disk" */
    const char *waits_for;    /* what may keep xk-backend from ending */
    const char *prefix;       /* of directories */
    const char *front, *back; /* what the store calls its ends */
    const char *number_node;  /* and, at the frontend, its number */
    const char *name_member;  /* of device.json: as people call it */

    /* Nodes beside those that any device has; the last one has no name. */
    const struct xk_xen_device_node *front_nodes, *back_nodes;

    /* Devices of the kind in a configuration: how many, whether xk-backend
     * serves one (others have the rest), its number, and its name, which is the
     * caller's. */
    size_t (*count)(const struct xk_domain_config *config);
    bool (*is_ours)(const struct xk_domain_config *config, size_t index);
    unsigned (*number)(const struct xk_domain_config *config, size_t index);
    char *(*config_name)(const struct xk_domain_config *config, size_t index);

    /* Say what stands against serving one. shared: another host may use what
     * it is made of. */
    int (*check)(const struct xk_state *state,
                 const struct xk_domain_config *config, size_t index,
                 bool shared, struct xk_problems *problems,
                 struct xk_error *err);

    /* device.json: the members that only this kind has, written and read. */
    void (*put)(const struct xk_xen_device *device,
                const struct xk_domain_config *config, size_t index,
                struct xk_json_writer *writer);
    int (*check_json)(const struct xk_json *json, struct xk_error *err);

    /* An error where the status (contracts/device.h) says that the guest cannot
     * be saved with the device. status may be NULL. NULL: it always can. */
    int (*check_whole)(const struct xk_xen_device *device,
                       const struct xk_json *status, struct xk_error *err);

    const struct xk_xen_device_side *side; /* NULL: it has nothing of that */
};

/* All kinds; the last is NULL. */
extern const struct xk_xen_device_kind *const xk_xen_device_kinds[];

/* ---- attach.c: devices of a configuration ---- */

/* How many of its devices xk-backend serves. */
size_t xk_xen_devices_count_ours(const struct xk_domain_config *config);

/* What stands against serving them, before anything is made. */
int xk_xen_devices_check(const struct xk_state *state,
                         const struct xk_domain_config *config, bool shared,
                         struct xk_problems *problems, struct xk_error *err);

/* Make the device and serve it. The domain is paused, or the device new to it.
 */
int xk_xen_device_attach(struct xk_xen *xen, const struct xk_record *record,
                         const struct xk_xen_device_wish *wish,
                         struct xk_deadline deadline, struct xk_error *err);

/* The same for all devices of a configuration that xk-backend serves. */
int xk_xen_devices_attach(struct xk_xen *xen, const struct xk_record *record,
                          unsigned domid, const struct xk_domain_config *config,
                          struct xk_deadline deadline, struct xk_error *err);

/* Serve what is wished for in the place of the device, which has the same
 * number. The guest is not told. */
int xk_xen_device_change(const struct xk_record *record,
                         const struct xk_xen_device *device,
                         const struct xk_xen_device_wish *wish,
                         struct xk_deadline deadline, struct xk_error *err);

/* ---- devices.c: devices of a record ---- */

void xk_xen_devices_free(struct xk_xen_devices *devices);
#define XK_CLEANUP_XEN_DEVICES __attribute__((cleanup(xk_xen_devices_free)))

/* All that the record has. One that is half made has no json. */
int xk_xen_devices_list(const struct xk_record *record,
                        struct xk_xen_devices *devices, struct xk_error *err);

/* The same, or XK_ERR_UNSUPPORTED where one is not understood, or cannot be
 * read at this moment: what is to be kept of it is not known then. */
int xk_xen_devices_list_known(const struct xk_record *record,
                              struct xk_xen_devices *devices,
                              struct xk_error *err);

/* NULL: none of that kind has the number. */
const struct xk_xen_device *
xk_xen_devices_find(const struct xk_xen_devices *devices,
                    const struct xk_xen_device_kind *kind, unsigned number);

/* XK_ERR_UNSUPPORTED where its device.json is not understood. */
int xk_xen_device_need_known(const struct xk_xen_device *device,
                             struct xk_error *err);

/* Nobody has served it yet: whoever made it was killed before. */
bool xk_xen_device_is_new(const struct xk_xen_device *device);
/* Serve one that is new. */
int xk_xen_device_start_new(struct xk_xen *xen,
                            const struct xk_xen_device *device,
                            struct xk_deadline deadline, struct xk_error *err);

/* One that is detached is marked first: it is served as long as its guest uses
 * it, and no longer. */
int xk_xen_device_mark_leaving(const struct xk_xen_device *device,
                               struct xk_error *err);
bool xk_xen_device_is_leaving(const struct xk_xen_device *device);

/* Serve them again where their processes are gone. A device that cannot be
 * served does not keep the others from it. */
int xk_xen_devices_start(struct xk_xen *xen, const struct xk_record *record,
                         struct xk_deadline deadline, struct xk_error *err);
bool xk_xen_devices_need_start(const struct xk_record *record);

/* The same, and remove those that their guest has let go of. XK_ERR_FAILED
 * where what serves one has ended right after its start. */
int xk_xen_devices_repair(struct xk_xen *xen, const struct xk_record *record,
                          struct xk_deadline deadline, struct xk_error *err);

/* While the guest runs, have what was written so far kept, so that little is
 * left to do when it stands still. An error where that fails, of which whoever
 * keeps it knows, or is not done at the deadline. */
int xk_xen_devices_flush(const struct xk_record *record,
                         struct xk_deadline deadline, struct xk_error *err);

/* When xk-backend has ended, have what was written kept. Takes 30 s at most. An
 * error where some of it is lost, of which whoever serves the device next
 * knows, or where that is not known at the deadline. */
int xk_xen_device_settle(const struct xk_xen_device *device,
                         struct xk_deadline deadline, struct xk_error *err);

/* End the processes that serve them, after the I/O under way or, at the
 * deadline, without it. Nothing of the guest's memory is mapped then, and
 * nothing of the host's is open for the guest. An error where something that
 * was written is lost; some may not be served any more then. */
int xk_xen_devices_stop(const struct xk_record *record,
                        struct xk_deadline deadline, struct xk_error *err);

/* Stop them for good, and remove their nodes and directories: each directory as
 * a whole, so that a device is there or is not. */
int xk_xen_devices_remove(struct xk_xen *xen, const struct xk_record *record,
                          struct xk_deadline deadline, struct xk_error *err);
int xk_xen_device_remove(struct xk_xen *xen, const struct xk_record *record,
                         const struct xk_xen_device *device,
                         struct xk_deadline deadline, struct xk_error *err);

/* ---- process.c ---- */

bool xk_xen_device_is_served(const struct xk_xen_device *device);

/* Start what serves it, and wait until it is offered to the guest. */
int xk_xen_device_start(const struct xk_xen_device *device,
                        struct xk_deadline deadline, struct xk_error *err);

/* Ask xk-backend to end, and do not wait, so that several end at once. */
void xk_xen_device_begin_stop(const struct xk_xen_device *device);

/* End all its processes, and keep what was written. */
int xk_xen_device_stop(const struct xk_xen_device *device,
                       struct xk_deadline deadline, struct xk_error *err);

/* Stop it for good. Where the host does not answer, its processes may outlive
 * this call, until the kernel lets them go: they have nothing of the guest. */
int xk_xen_device_abandon(const struct xk_xen_device *device,
                          struct xk_deadline deadline, struct xk_error *err);

/* A pidfd of the xk-backend that serves it, or -1. */
int xk_xen_device_open_backend(const struct xk_xen_device *device);

/* Pidfds of all processes that it is served by; they are the caller's. Returns
 * how many. */
size_t xk_xen_device_open_processes(const struct xk_xen_device *device,
                                    int fds[XK_XEN_DEVICE_PROCESSES]);

/* ---- control_client.c ---- */

/* Ask xk-backend (contracts/device.h) and wait for its answer, 5 s at most. The
 * answer is the caller's. XK_ERR_STATE where nobody serves the device. */
struct xk_json *xk_xen_device_ask(const struct xk_xen_device *device,
                                  const char *question,
                                  struct xk_deadline deadline,
                                  struct xk_error *err);

/* ---- nodes.c: both ends in the store ---- */

int xk_xen_device_make_nodes(struct xk_xen *xen,
                             const struct xk_xen_device *device, unsigned domid,
                             struct xk_deadline deadline, struct xk_error *err);
/* The same where there are none yet. */
int xk_xen_device_need_nodes(struct xk_xen *xen,
                             const struct xk_xen_device *device,
                             struct xk_deadline deadline, struct xk_error *err);
/* 1: its backend is Closed, or has no nodes; 0: the guest may use it. */
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
