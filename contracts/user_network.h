/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xk and xk-slirp agree on about a user-mode network: a process that gives
 * one network card a private network behind this host's own connections.
 *
 * xk makes a directory with NETWORK_FILE in it and starts "xk-slirp DIRECTORY".
 * The environment variable XK_READY_ENV (base/ready.h) names a descriptor on
 * which xk-slirp writes one line of JSON: {"ready":true} once the socket can be
 * connected to and all ports are bound, or {"error":{...}}.
 *
 * The card's frames pass over the socket as over QEMU's "-netdev stream": each
 * behind its length, 32 bits, big-endian. One peer is connected at a time; a
 * new one takes the place of the old one, and connections of the guest live on.
 *
 * The guest's name servers are those that the host had at the start: a host
 * that replaces its /etc/resolv.conf is not seen.
 */
#ifndef XK_CONTRACTS_USER_NETWORK_H
#define XK_CONTRACTS_USER_NETWORK_H

/* ---- files in the directory ---- */

#define XK_NETWORK_FILE "network.json"  /* what it is; xk writes it */
#define XK_NETWORK_LOCK "slirp.lock"    /* held by xk-slirp; it stays */
#define XK_NETWORK_PROCESS "slirp.json" /* which process (base/process.h) */
#define XK_NETWORK_SOCKET "network"

/* ---- members of NETWORK_FILE ---- */

enum {
    XK_NETWORK_VERSION = 1,

    XK_NETWORK_MTU_MIN = 576, /* what every IPv4 host takes: RFC 791 */
    XK_NETWORK_MTU_MAX = 65521,
};

#define XK_NETWORK_UID "uid" /* whom to run as, if started by root; not 0 */
#define XK_NETWORK_GID "gid"
#define XK_NETWORK_MTU "mtu" /* missing: 1500 */
/* Whether the guest reaches 127.0.0.1 of the host as 10.0.2.2; true unless
 * told. */
#define XK_NETWORK_HOST_LOOPBACK "host_loopback"
#define XK_NETWORK_FORWARDS "hostfwd"          /* an array of objects: */
#define XK_FORWARD_PROTOCOL "protocol"         /* "tcp" or "udp" */
#define XK_FORWARD_HOST_ADDRESS "host_address" /* missing: any */
#define XK_FORWARD_HOST_PORT "host_port"
#define XK_FORWARD_GUEST_ADDRESS "guest_address" /* missing: 10.0.2.15 */
#define XK_FORWARD_GUEST_PORT "guest_port"

#endif
