/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks that xk-backend serves: block devices of the kind "xkvbd", which libxl
 * knows nothing of. Each has a directory vbd-NUMBER in the domain's record:
 *
 *   device.json   what it is: read by xk-backend (backends/config.h) and by us
 *   lock          held by xk-backend as long as it serves; it stays
 *   leaving       is there once the disk is not the domain's any more
 *   backend.json  which process that is (base/process.h)
 *   control       its socket; inflight: its log; log: what it says
 *   flusher       where the process listens that flushes the image: it outlives
 *                 an xk-backend that is killed
 *   daemon.json   where the format is not raw: which process
 *                 qemu-storage-daemon is. It serves the image on the socket
 *                 nbd, and is told of other things on the socket qmp;
 *                 qsd.lock is held as long as it lives
 *
 * Both processes were started with privileges and wrote who they are before
 * they gave them up. lock, and qsd.pid of the daemon, have pids as well, which
 * are for people: a process that is jailed can still write there.
 *
 * gone-NUMBER is what a process that was killed left of one that was taken
 * away.
 *
 * Nothing else is known of them, so any process can go on from there.
 */
#ifndef XK_TOOLSTACK_XEN_VBD_H
#define XK_TOOLSTACK_XEN_VBD_H

#include "base/uid.h"
#include "toolstack/seam/device_ops.h"
#include "toolstack/xen/state.h"

#define XK_VBD_KIND "xkvbd"

enum {
    /* What serves the disks of a domain runs as this user and the domain's
     * number. */
    XK_VBD_FIRST_UID = XK_UID_XEN
};

/* One of them, as in its directory. */
struct xk_vbd {
    unsigned number;      /* the device's, as the guest knows it */
    char *path;           /* of its directory */
    struct xk_json *json; /* device.json; NULL where there is none, or it is */
    char *unknown;        /* not understood: why. Only its end is ours then */
    struct xk_json *document;
    const char *vdev, *target, *format, *frontend, *backend;
};

struct xk_vbds {
    struct xk_vbd *items; /* by number */
    size_t count;
};

void xk_vbds_free(struct xk_vbds *vbds);
#define XK_CLEANUP_VBDS __attribute__((cleanup(xk_vbds_free)))

/* Whether xk-backend serves such a disk; libxl's backends have the others. */
bool xk_vbd_is_ours(const struct xk_domain_config *config,
                    const struct xk_disk *disk);

/* What stands against serving the disk, before anything is made: an image that
 * is not there, is not what was stated, or that another has open
 * (XK_ERR_IN_USE). shared: another host may have it open. */
int xk_vbd_check(const struct xk_state *state, const struct xk_disk *disk,
                 bool shared, struct xk_error *err);

/* Those that a record has. One that is half made has no json. */
int xk_vbds_list(const struct xk_record *record, struct xk_vbds *vbds,
                 struct xk_error *err);

/* The same, or XK_ERR_UNSUPPORTED where one is not understood, or cannot be
 * read at this moment: what is to be kept of it is not known then. */
int xk_vbds_list_known(const struct xk_record *record, struct xk_vbds *vbds,
                       struct xk_error *err);

/* NULL: none has that number. */
const struct xk_vbd *xk_vbds_find(const struct xk_vbds *vbds, unsigned number);

/* XK_ERR_UNSUPPORTED for one whose device.json is not understood. */
int xk_vbd_need_known(const struct xk_vbd *vbd, struct xk_error *err);

/* Make a device of the disk and serve it; the domain is paused, or the disk new
 * to it. */
int xk_vbd_attach(struct xk_xen *xen, const struct xk_record *record,
                  unsigned domid, const struct xk_disk *disk,
                  struct xk_deadline deadline, struct xk_error *err);

/* The same for all disks of a configuration. */
int xk_vbds_attach(struct xk_xen *xen, const struct xk_record *record,
                   unsigned domid, const struct xk_domain_config *config,
                   struct xk_deadline deadline, struct xk_error *err);

/* End the processes that serve them, after the I/O under way or, at the
 * deadline, without it. Nothing of the guest's memory is mapped then, and no
 * image is open. */
int xk_vbds_stop(const struct xk_record *record, struct xk_deadline deadline,
                 struct xk_error *err);

/* Before that, while the guest runs: have what was written so far kept. */
int xk_vbds_flush(const struct xk_record *record, struct xk_deadline deadline,
                  struct xk_error *err);

/* Serve them again where their processes are gone. */
int xk_vbds_start(struct xk_xen *xen, const struct xk_record *record,
                  struct xk_deadline deadline, struct xk_error *err);
bool xk_vbds_need_start(const struct xk_record *record);

/* Serve one that was made by a process that was killed before it did. */
int xk_vbd_start_new(struct xk_xen *xen, const struct xk_vbd *vbd,
                     struct xk_deadline deadline, struct xk_error *err);
bool xk_vbd_is_new(const struct xk_vbd *vbd);

/* Make them those of a configuration (hypervisor.h; vbd_change.c). */
int xk_vbds_change(struct xk_xen *xen, const struct xk_record *record,
                   unsigned domid, const struct xk_disk_change *change,
                   struct xk_deadline deadline, struct xk_error *err);

/* Stop them, and take away their nodes and directories: each directory as a
 * whole, so that a disk is there or is not. */
int xk_vbds_remove(struct xk_xen *xen, const struct xk_record *record,
                   struct xk_deadline deadline, struct xk_error *err);
int xk_vbd_remove(struct xk_xen *xen, const struct xk_record *record,
                  const struct xk_vbd *vbd, struct xk_deadline deadline,
                  struct xk_error *err);

/* One that is detached is marked first: it is served as long as its guest uses
 * it, and no longer. */
int xk_vbd_mark_leaving(const struct xk_vbd *vbd, struct xk_error *err);
bool xk_vbd_is_leaving(const struct xk_vbd *vbd);

/* Serve another image in its place; the guest sees no more than another size.
 */
int xk_vbd_change(const struct xk_record *record, const struct xk_vbd *vbd,
                  unsigned domid, const struct xk_disk *disk,
                  struct xk_deadline deadline, struct xk_error *err);

/* ---- vbd_process.c ---- */

/* Start what serves it, and wait until it is offered to the guest. */
int xk_vbd_start(const struct xk_vbd *vbd, struct xk_deadline deadline,
                 struct xk_error *err);
int xk_vbd_stop(const struct xk_vbd *vbd, struct xk_deadline deadline,
                struct xk_error *err);
bool xk_vbd_is_served(const struct xk_vbd *vbd);

/* Ask xk-backend to end, and do not wait: so that several end at once. */
void xk_vbd_begin_stop(const struct xk_vbd *vbd);

/* Stop it for good. Where the image does not answer, its processes may outlive
 * this, until the kernel lets them go: with the image, and nothing of the
 * guest. */
int xk_vbd_abandon(const struct xk_vbd *vbd, struct xk_deadline deadline,
                   struct xk_error *err);

/* A pidfd of the process that serves it, or -1: xk-backend, or the storage
 * daemon that it is the client of. */
int xk_vbd_open_process(const struct xk_vbd *vbd, bool daemon);

/* Ask xk-backend on its control socket: {"query":"status"}, {"resize":true},
 * {"leave":true}: end, and let fail what is under way, now or in a moment.
 * Its answer is the caller's. */
struct xk_json *xk_vbd_ask(const struct xk_vbd *vbd, const char *question,
                           struct xk_deadline deadline, struct xk_error *err);

/* An error where a flush failed or may have: its guest waits for the answer,
 * and must not ask for it again elsewhere. One that nobody serves is served
 * for it. */
int xk_vbd_check_whole(const struct xk_vbd *vbd, struct xk_deadline deadline,
                       struct xk_error *err);

/* Make the image behind it that large, where it is not raw. Between end and
 * start of xk-backend; the guest waits. */
int xk_vbd_resize(const struct xk_vbd *vbd, uint64_t bytes,
                  struct xk_deadline deadline, struct xk_error *err);

/* ---- vbd_daemon.c: only where the format is not raw ---- */

/* Start the daemon, which then offers the image. XK_ERR_IN_USE where another
 * has it at the deadline. */
int xk_vbd_start_daemon(const struct xk_vbd *vbd, struct xk_deadline deadline,
                        struct xk_error *err);

/* Have the daemon offer the image to the next xk-backend. Requests of the last
 * one, which was killed, are done before; at the deadline there is no offer. */
int xk_vbd_offer_image(const struct xk_vbd *vbd, struct xk_deadline deadline,
                       struct xk_error *err);

/* Have what was written so far kept, while its guest writes on, so that little
 * is left to do when it stands still. An error where a flush fails, of which
 * whoever flushes knows, or is not done at the deadline. */
int xk_vbd_flush(const struct xk_vbd *vbd, struct xk_deadline deadline,
                 struct xk_error *err);

/* Have what was written kept, between the end of the backend and that of the
 * process that serves or flushes the image. Takes 30 s at most. An error where
 * some of it is lost, of which whoever serves the disk next knows, or where
 * that is not known at the deadline. */
int xk_vbd_settle(const struct xk_vbd *vbd, struct xk_deadline deadline,
                  struct xk_error *err);

/* Until nobody has the image: it stays locked as long as requests of a process
 * that has ended are still under way. XK_ERR_IN_USE at the deadline. */
int xk_vbd_await_image(const struct xk_vbd *vbd, struct xk_deadline deadline,
                       struct xk_error *err);

/* Change the size of the image, while nobody has it from the daemon. A format
 * that cannot: an error, and all is as before. */
int xk_vbd_resize_image(const struct xk_vbd *vbd, uint64_t bytes,
                        struct xk_deadline deadline, struct xk_error *err);

/* ---- vbd_nodes.c ---- */

int xk_vbd_make_nodes(struct xk_xen *xen, const struct xk_vbd *vbd,
                      unsigned domid, struct xk_deadline deadline,
                      struct xk_error *err);
/* The same where there are none yet. */
int xk_vbd_need_nodes(struct xk_xen *xen, const struct xk_vbd *vbd,
                      struct xk_deadline deadline, struct xk_error *err);
/* 1: its backend is Closed, or has no nodes; 0: the guest may use it. */
int xk_vbd_has_left(struct xk_xen *xen, const struct xk_vbd *vbd,
                    struct xk_deadline deadline, struct xk_error *err);
/* Ask the frontend to close. */
int xk_vbd_ask_to_leave(struct xk_xen *xen, const struct xk_vbd *vbd,
                        struct xk_deadline deadline, struct xk_error *err);
int xk_vbd_remove_nodes(struct xk_xen *xen, const struct xk_vbd *vbd,
                        struct xk_deadline deadline, struct xk_error *err);

#endif
