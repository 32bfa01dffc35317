/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xk and xk-backend agree on about a disk, beside what they agree on about
 * any device (device.h).
 */
#ifndef XK_CONTRACTS_DISK_H
#define XK_CONTRACTS_DISK_H

#include "contracts/device.h"

/* The kind. */
#define XK_DEVICE_BLOCK "block"

/* Work beside the service of a disk:
 *   storage DIRECTORY UID IMAGE... -- PROGRAM...   starts what serves its image
 *   flush DIRECTORY MS    keeps what was written, while it is served
 *   settle DIRECTORY MS   keeps what was written, after it was served */
#define XK_DISK_WORK_STORAGE "storage"
#define XK_DISK_WORK_FLUSH "flush"
#define XK_DISK_WORK_SETTLE "settle"

/* ---- files in the directory ---- */

#define XK_DISK_INFLIGHT "inflight" /* log of requests under way */
#define XK_DISK_FLUSHER "flusher"   /* socket of who flushes a raw image */
#define XK_DISK_FLUSHER_PROCESS "flusher.json" /* which process that is */
#define XK_DISK_DAEMON "daemon.json"   /* which process serves the image */
#define XK_DISK_DAEMON_LOCK "qsd.lock" /* held as long as that lives */
#define XK_DISK_DAEMON_PID "qsd.pid"   /* for people: it can write there */
#define XK_DISK_NBD "nbd"              /* its socket for xk-backend */
#define XK_DISK_QMP "qmp"              /* its socket for xk */

/* ---- members of DEVICE_FILE ---- */

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

/* ---- orders ---- */

#define XK_ORDER_RESIZE "resize" /* the image has another size */

/* ---- members of the status ---- */

#define XK_STATUS_POISONED "poisoned" /* a flush was lost */
#define XK_STATUS_IMAGE_BYTES "image_bytes"
#define XK_STATUS_READ_REQUESTS "read_requests"
#define XK_STATUS_READ_BYTES "read_bytes"
#define XK_STATUS_WRITE_REQUESTS "write_requests"
#define XK_STATUS_WRITE_BYTES "write_bytes"
#define XK_STATUS_FLUSH_REQUESTS "flush_requests"
#define XK_STATUS_DISCARD_REQUESTS "discard_requests"
#define XK_STATUS_INFLIGHT "inflight"

#endif
