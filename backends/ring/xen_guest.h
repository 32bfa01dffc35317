/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest of Xen, through /dev/xen/gntdev and /dev/xen/evtchn. */
#ifndef XK_BACKENDS_RING_XEN_GUEST_H
#define XK_BACKENDS_RING_XEN_GUEST_H

#include <stdint.h>

#include "backends/ring/guest.h"

/* Open both devices; call it before privileges are dropped. Event channels are
 * restricted to this domain; grants cannot be (gntdev has no such ioctl).
 * XK_ERR_HOST if a device cannot be opened. */
struct xk_guest *xk_xen_guest_open(uint32_t domid, struct xk_error *err);

#endif
