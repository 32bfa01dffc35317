/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests about one network device to the kernel, rtnetlink(7). */
#ifndef XK_NET_HELPERS_RTNETLINK_H
#define XK_NET_HELPERS_RTNETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/deadline.h"
#include "base/error.h"

struct xk_rtnetlink_request {
    struct nlmsghdr header;
    struct ifinfomsg link;
    unsigned char attributes[128];
};

/* Returns a request of that type about the device with that index. */
struct xk_rtnetlink_request
xk_rtnetlink_about(unsigned index, unsigned short type, unsigned short flags);

/* Append an attribute; the request has room for all that its caller puts. */
void xk_rtnetlink_put(struct xk_rtnetlink_request *request, unsigned short type,
                      const void *data, size_t length);

/* Send the request and receive one message. Returns its size, at most that of
 * the buffer, or -1. */
ssize_t xk_rtnetlink_ask(const struct xk_rtnetlink_request *request,
                         void *reply, size_t size, struct xk_deadline deadline,
                         struct xk_error *err);

#endif
