/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xk and xk-backend agree on about a device that xk-backend serves: the
 * words that one of them writes and the other reads. Each stands here once.
 *
 * xk makes a directory for the device, with DEVICE_FILE in it, and starts
 * "xk-backend KIND DIRECTORY". The words of each kind are in a header of their
 * own. The environment variable XK_READY_ENV names a
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

#define XK_READY_ENV "XK_READY_FD"

/* ---- files in the directory ---- */

#define XK_DEVICE_FILE "device.json"     /* what the device is; xk writes it */
#define XK_DEVICE_LOCK "lock"            /* held by xk-backend; it stays */
#define XK_DEVICE_PROCESS "backend.json" /* which process (base/process.h) */
#define XK_DEVICE_CONTROL "control"      /* socket */

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

/* ---- the control socket ---- */

#define XK_DEVICE_QUERY "query"
#define XK_DEVICE_QUERY_STATUS "status"

#define XK_ORDER_STOP "stop"   /* end; another process may serve it next */
#define XK_ORDER_LEAVE "leave" /* end for good: fail what is under way */

/* A question or an order as text. */
#define XK_DEVICE_ASK_STATUS                                                   \
    "{\"" XK_DEVICE_QUERY "\":\"" XK_DEVICE_QUERY_STATUS "\"}"
#define XK_DEVICE_ASK(order) "{\"" order "\":true}"

/* Instead of an answer, and on the descriptor of XK_READY_ENV. */
#define XK_DEVICE_ERROR "error"

/* ---- members of the status ---- */

#define XK_STATUS_STATE "state"   /* a word for people */
#define XK_STATUS_REASON "reason" /* why it is not served well, or null */
#define XK_STATUS_QUEUES "queues"
#define XK_STATUS_ERRORS "errors" /* requests that were answered with one */

#endif
