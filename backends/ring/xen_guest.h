/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest behind Xen: /dev/xen/gntdev and /dev/xen/evtchn. */
#ifndef XK_BACKENDS_RING_XEN_GUEST_H
#define XK_BACKENDS_RING_XEN_GUEST_H

#include <stdint.h>

#include "backends/ring/guest.h"

/* Opens both devices, so call it before privileges are dropped. Event channels
 * of other domains are out of reach afterwards; grants cannot be restricted so
 * (gntdev knows no such request). XK_ERR_HOST where Xen is not there. */
struct xk_guest *xk_xen_guest_open(uint32_t domid, struct xk_error *err);

#endif
