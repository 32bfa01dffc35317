/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xk and xk-backend agree on about a device that xk-backend serves: the
 * words that one of them writes and the other reads. Each stands here once.
 *
 * xk makes a directory for the device, with DEVICE_FILE in it, and starts
 * "xk-backend KIND DIRECTORY". XK_READY_ENV (base/ready.h) names a
 * descriptor on which xk-backend writes one line of JSON: {"ready":true} once
 * the device is offered to its guest, or {"error":{...}}.
 *
 * While it serves, xk-backend listens on the socket XK_DEVICE_CONTROL. A
 * question is one line of JSON and so is its answer: {"query":"status"}, or an
 * order, {"ORDER":true}, which is answered with the status after it.
 *
 * A member may be added to DEVICE_FILE at any time. One that changes what it
 * means raises XK_DEVICE_VERSION: the two programs may be of different
 * versions, because a device is served on while xk is updated.
 */
#ifndef XK_CONTRACTS_DEVICE_H
#define XK_CONTRACTS_DEVICE_H

/* ---- the first argument of xk-backend ---- */

/* Kinds: the second argument is the directory. */
#define XK_DEVICE_BLOCK "block"

/* Work beside the service of a disk:
 *   storage DIRECTORY UID IMAGE... -- PROGRAM...   starts what serves its image
 *   flush DIRECTORY MS    keeps what was written, while it is served
 *   settle DIRECTORY MS   keeps what was written, after it was served */
#define XK_DISK_WORK_STORAGE "storage"
#define XK_DISK_WORK_FLUSH "flush"
#define XK_DISK_WORK_SETTLE "settle"

/* ---- files in the directory ---- */

#define XK_DEVICE_FILE "device.json"     /* what the device is; xk writes it */
#define XK_DEVICE_LOCK "lock"            /* held by xk-backend; it stays */
#define XK_DEVICE_PROCESS "backend.json" /* which process (base/process.h) */
#define XK_DEVICE_CONTROL "control"      /* socket */
/* Of a disk. */
#define XK_DISK_INFLIGHT "inflight" /* log of requests under way */
#define XK_DISK_FLUSHER "flusher"   /* socket of who flushes a raw image */
#define XK_DISK_FLUSHER_PROCESS "flusher.json" /* which process that is */
#define XK_DISK_DAEMON "daemon.json"   /* which process serves the image */
#define XK_DISK_DAEMON_LOCK "qsd.lock" /* held as long as that lives */
#define XK_DISK_DAEMON_PID "qsd.pid"   /* for people: it can write there */
#define XK_DISK_NBD "nbd"              /* its socket for xk-backend */
#define XK_DISK_QMP "qmp"              /* its socket for xk */

/* ---- members of DEVICE_FILE ---- */

enum {
    XK_DEVICE_VERSION = 1 /* base/json.h says where it stands */
};

#define XK_DEVICE_DOMID "domid"
#define XK_DEVICE_DEVID "devid"
#define XK_DEVICE_FRONTEND "frontend" /* paths in the store */
#define XK_DEVICE_BACKEND "backend"
#define XK_DEVICE_UID "uid" /* whom to run as */
#define XK_DEVICE_GID "gid"
/* Of a disk. */
#define XK_DISK_VDEV "vdev"
#define XK_DISK_TARGET "target" /* the image, as people name it */
#define XK_DISK_FORMAT "format"
#define XK_DISK_ENGINE "engine" /* one of the next three */
#define XK_DISK_ENGINE_FILE "file"
#define XK_DISK_ENGINE_NBD "nbd"
#define XK_DISK_ENGINE_NULL "null"
#define XK_DISK_SOCKET "socket" /* of "nbd" */
#define XK_DISK_SIZE "size"     /* of "null": bytes */
#define XK_DISK_READ_ONLY "readonly"
#define XK_DISK_CDROM "cdrom"
#define XK_DISK_DISCARD "discard"
#define XK_DISK_DIRECT "direct"
#define XK_DISK_UNTRUSTED "untrusted"
#define XK_DISK_QUEUES "queues"
#define XK_DISK_POLL_US "poll_us"

/* ---- the control socket ---- */

#define XK_DEVICE_QUERY "query"
#define XK_DEVICE_QUERY_STATUS "status"

#define XK_ORDER_STOP "stop"     /* end; another process may serve it next */
#define XK_ORDER_LEAVE "leave"   /* end for good: fail what is under way */
#define XK_ORDER_RESIZE "resize" /* of a disk: the image has another size */

/* A question or an order as text. */
#define XK_DEVICE_ASK_STATUS                                                   \
    "{\"" XK_DEVICE_QUERY "\":\"" XK_DEVICE_QUERY_STATUS "\"}"
#define XK_DEVICE_ASK(order) "{\"" order "\":true}"

/* Instead of an answer. */
#define XK_DEVICE_ERROR "error"

/* ---- members of the status ---- */

#define XK_STATUS_STATE "state"   /* a word for people */
#define XK_STATUS_REASON "reason" /* why it is not served well, or null */
/* Of a disk. */
#define XK_STATUS_POISONED "poisoned" /* a flush was lost */
#define XK_STATUS_QUEUES "queues"
#define XK_STATUS_IMAGE_BYTES "image_bytes"
#define XK_STATUS_READ_REQUESTS "read_requests"
#define XK_STATUS_READ_BYTES "read_bytes"
#define XK_STATUS_WRITE_REQUESTS "write_requests"
#define XK_STATUS_WRITE_BYTES "write_bytes"
#define XK_STATUS_FLUSH_REQUESTS "flush_requests"
#define XK_STATUS_DISCARD_REQUESTS "discard_requests"
#define XK_STATUS_ERRORS "errors"
#define XK_STATUS_INFLIGHT "inflight"

#endif
