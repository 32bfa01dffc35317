/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a VNC server listens, and who may connect. */
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
    int64_t display;      /* -1: not given. Without an address the display is on
                             127.0.0.1; with neither there is no TCP port, but a
                             socket in the record */
    bool unused;          /* use the first free display from there on */
    const char *password; /* NULL or "": none */
    const char *keymap;   /* NULL: QEMU's */
    const struct xk_location *where;
};

/* Parse "ADDRESS[:DISPLAY]" into what the value of QEMU's -vnc begins with:
 * "127.0.0.1:0", "[::1]:3". The caller owns *address. XK_ERR_CONFIG if it is
 * not of that form, so the text cannot become another option. */
int xk_kvm_vnc_address(const char *listen, int64_t display, char **address,
                       int64_t *display_r, struct xk_error *err);

/* Parse one string of vfb=. It is copied to *text, which the caller owns and
 * the settings point into. */
int xk_kvm_vnc_parse_vfb(const char *vfb, char **text, struct xk_kvm_vnc *vnc,
                         struct xk_error *err);

/* Return whether the server listens on a TCP port. */
bool xk_kvm_vnc_is_tcp(const struct xk_kvm_vnc *vnc);

/* Add the arguments; the password is passed by descriptor. */
int xk_kvm_vnc_add(struct xk_kvm_plan *plan, const struct xk_kvm_vnc *vnc,
                   struct xk_error *err);

#endif
