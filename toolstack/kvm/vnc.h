/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a VNC server listens, and who may come in. */
#ifndef XK_TOOLSTACK_KVM_VNC_H
#define XK_TOOLSTACK_KVM_VNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/kvm/plan.h"

/* Settings as the keys or a vfb= string give them; texts are borrowed. */
struct xk_kvm_vnc {
    bool enabled;
    const char *listen;   /* ADDRESS[:DISPLAY]; NULL: see display */
    int64_t display;      /* -1: not given; without an address, 127.0.0.1 is
                             meant, and without both no TCP port at all: a socket
                             in the record */
    bool unused;          /* take the first free display from there */
    const char *password; /* NULL or "": none */
    const char *keymap;   /* NULL: QEMU's */
    const struct xk_location *where;
};

/* The address and display of "ADDRESS[:DISPLAY]", as the value of QEMU's -vnc
 * begins: "127.0.0.1:0", "[::1]:3". *address is the caller's. XK_ERR_CONFIG
 * where it is none: the text cannot become another option. */
int xk_kvm_vnc_address(const char *listen, int64_t display, char **address,
                       int64_t *display_r, struct xk_error *err);

/* Settings of one string of vfb=: copied to *text, which the settings point
 * into. */
int xk_kvm_vnc_parse_vfb(const char *vfb, char **text, struct xk_kvm_vnc *vnc,
                         struct xk_error *err);

/* Whether it is on a TCP port. */
bool xk_kvm_vnc_is_tcp(const struct xk_kvm_vnc *vnc);

/* The arguments; the password goes by descriptor. */
int xk_kvm_vnc_add(struct xk_kvm_plan *plan, const struct xk_kvm_vnc *vnc,
                   struct xk_error *err);

#endif
