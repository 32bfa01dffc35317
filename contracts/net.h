/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xk and xk-backend agree on about a network card, beside what they agree
 * on about any device (device.h).
 */
#ifndef XK_CONTRACTS_NET_H
#define XK_CONTRACTS_NET_H

#include "contracts/device.h"

/* The kind. */
#define XK_DEVICE_NET "net"

/* A file in the directory: the mark of its plug (net-helpers/plug.h). */
#define XK_NET_MARK "plugged"

/* ---- members of DEVICE_FILE ---- */

#define XK_NET_MAC "mac"
#define XK_NET_DOMAIN "domain" /* the guest's UUID */
#define XK_NET_BRIDGE "bridge" /* these four are the plug of a TAP */
#define XK_NET_SCRIPT "script"
#define XK_NET_IP "ip"
#define XK_NET_GATEWAYDEV "gatewaydev"
#define XK_NET_MTU "mtu" /* as text, for the node; missing: the bridge's */
#define XK_NET_RATE                                                            \
    "rate" /* of what the guest sends, as the node: "BYTES,MICROSECONDS" */
#define XK_NET_SPOOF_FILTER                                                    \
    "spoof_filter" /* only frames from the card's own address pass */
#define XK_NET_UNTRUSTED "untrusted"
#define XK_NET_PORT "port"      /* where its frames go: */
#define XK_NET_PORT_NULL "null" /* nowhere */
#define XK_NET_PORT_TAP "tap"   /* to its plug, by a TAP of the next name */
#define XK_NET_PORT_STREAM                                                     \
    "stream"                     /* to the user-mode network of the directory */
#define XK_NET_NETWORK "network" /* what NETWORK_FILE is to hold */
#define XK_NET_VIFNAME "vifname" /* missing: vifDOMID.DEVID */
#define XK_NET_QUEUES "queues"   /* at most */
#define XK_NET_POLL_US "poll_us"

/* ---- members of the status: tx is what the guest sends ---- */

#define XK_STATUS_TX_PACKETS "tx_packets"
#define XK_STATUS_TX_BYTES "tx_bytes"
#define XK_STATUS_TX_DROPPED                                                   \
    "tx_dropped" /* valid frames that the port did not take */
#define XK_STATUS_TX_DELAYS "tx_delays"   /* by the rate */
#define XK_STATUS_TX_SPOOFED "tx_spoofed" /* dropped by the filter */
#define XK_STATUS_RX_PACKETS "rx_packets"
#define XK_STATUS_RX_BYTES "rx_bytes"
#define XK_STATUS_RX_DROPPED "rx_dropped"
#define XK_STATUS_RX_STALLS                                                    \
    "rx_stalls" /* the guest offered no pages for too long */
#define XK_STATUS_RX_FILTERED "rx_filtered" /* multicast nobody asked for */

#endif
