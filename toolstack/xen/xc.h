/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxenctrl, loaded when it is needed: the program itself depends on no
 * library of Xen, so that it starts as fast, and installs as well, on a host
 * without Xen. The functions are those of <xenctrl.h> of the Xen it was built
 * for; the library's version is part of its name, so another is not taken.
 */
#ifndef XK_TOOLSTACK_XEN_XC_H
#define XK_TOOLSTACK_XEN_XC_H

#include <stdint.h>

#define XC_WANT_COMPAT_MAP_FOREIGN_API 1
#include <xenctrl.h>
#include <xen/hvm/params.h>

#include "base/error.h"

#define XK_XC_FUNCTIONS(X)                                                     \
    X(xc_interface_open)                                                       \
    X(xc_interface_close)                                                      \
    X(xc_domain_getinfolist)                                                   \
    X(xc_domain_pause)                                                         \
    X(xc_domain_unpause)                                                       \
    X(xc_domain_destroy)                                                       \
    X(xc_hvm_param_get)                                                        \
    X(xc_physinfo)                                                             \
    X(xc_version)

struct xk_xc {
    void *library;
    xc_interface *handle;
#define XK_XC_MEMBER(name) __typeof__(name) *name;
    XK_XC_FUNCTIONS(XK_XC_MEMBER)
#undef XK_XC_MEMBER
};

/* Load it and open the hypervisor: XK_ERR_HOST with what to do. A zeroed
 * struct; close it in any case. */
int xk_xc_open(struct xk_xc *xc, struct xk_error *err);
void xk_xc_close(struct xk_xc *xc);

/* A hypercall failed: what, with errno. The kind is XK_ERR_NOT_FOUND where
 * there is no such domain. Returns -1. */
int xk_xc_fail(struct xk_error *err, const char *what);

#endif
