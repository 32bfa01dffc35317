/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of rtnetlink(7), each sent by itself and answered by the kernel. */
#ifndef XK_NET_HELPERS_RTNETLINK_H
#define XK_NET_HELPERS_RTNETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/deadline.h"
#include "base/error.h"

enum {
    XK_RTNL_BODY_MAX = 512,
};

struct xk_rtnl_request {
    struct nlmsghdr header;
    unsigned char body[XK_RTNL_BODY_MAX]; /* the fixed part, then attributes */
};

/* Begin a request that the kernel is to acknowledge: a type such as
 * RTM_NEWROUTE, flags beside NLM_F_REQUEST, and the fixed part. */
struct xk_rtnl_request xk_rtnl_begin(unsigned short type, unsigned short flags,
                                     const void *fixed, size_t length);

/* Begin to change the network device with that index: those of the flags
 * (IFF_UP) that are in `change` are set as in `flags`. */
struct xk_rtnl_request xk_rtnl_change_link(unsigned index, unsigned flags,
                                           unsigned change);

/* Add an attribute. It must fit: sizes are known where requests are made. */
void xk_rtnl_put(struct xk_rtnl_request *request, unsigned short type,
                 const void *data, size_t length);

/* Begin an attribute that holds attributes, and end it. */
struct rtattr *xk_rtnl_open(struct xk_rtnl_request *request,
                            unsigned short type);
void xk_rtnl_close(struct xk_rtnl_request *request, struct rtattr *nest);

/* Send the request and receive the first message of the answer. Returns its
 * size, at most that of the buffer, or -1. */
ssize_t xk_rtnl_fetch(const struct xk_rtnl_request *request, void *reply,
                      size_t size, struct xk_deadline deadline,
                      struct xk_error *err);

/* Send the request and return the kernel's answer, 0 or an errno; -1 with *err
 * if there is no answer. */
int xk_rtnl_ask(const struct xk_rtnl_request *request,
                struct xk_deadline deadline, struct xk_error *err);

/* The same. A refusal is *err too: `what` could not be done. */
int xk_rtnl_do(const struct xk_rtnl_request *request, const char *what,
               struct xk_deadline deadline, struct xk_error *err);

#endif
