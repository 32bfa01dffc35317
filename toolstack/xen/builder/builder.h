/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xk-build: makes a domain that has no device model and no device of libxl's
 * except its console, with libxenctrl and libxenguest. The result equals
 * libxl's: the nodes in xenstore, libxl's copy of the configuration, and every
 * setting. libxl needs most of its time for its own start, for its requests to
 * xenstored, each of which it waits for, and for the names of all domains.
 *
 * toolstack/xen/build.c runs it as helper/caller.h says. The caller checks
 * first whether xk-build supports the configuration (build_scope.h); depending
 * on the host xk-build may still decline, before it makes anything. If it
 * fails, its caller tears the half-made domain down.
 *
 * Source: libxl_create.c, libxl_dom.c, libxl_x86.c, libxl_x86_acpi.c,
 * libxl_console.c of Xen 4.17 and 4.20.
 */
#ifndef XK_TOOLSTACK_XEN_BUILDER_BUILDER_H
#define XK_TOOLSTACK_XEN_BUILDER_BUILDER_H

#include <libxl.h>
#include <libxl_utils.h>
#include <xenctrl.h>
#include <xenguest.h>
#include <xen/hvm/e820.h>
#include <xen/hvm/params.h>

#include "base/deadline.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/xen/helper/callee.h"
#include "xenstore-helpers/store.h"

struct xk_builder {
    xc_interface *xc;
    struct xk_store *store;
    struct xk_callee_log log; /* messages of xc */
    struct xk_deadline deadline;
    const struct xk_domain_config *config;
    libxl_domain_config libxl; /* config, in libxl's form */
    const char *declined;      /* why libxl has to build it, or NULL */
    uint32_t domid;
    bool hap;               /* its memory uses nested paging */
    uint64_t paging_kb;     /* for its page tables */
    unsigned grants;        /* highest version of grant tables it may use */
    unsigned store_domid;   /* the domain of its xenstored */
    unsigned console_domid; /* the domain of its xenconsoled */
    uint32_t store_port, console_port;
    uint64_t store_gfn, console_gfn;
};

/* Fail with `what` (what was attempted) and xc's messages, or errno if there
 * are none. Returns -1. */
int xk_builder_fail(const struct xk_builder *builder, const char *what,
                    struct xk_error *err);

/* Get the features of the host; may set declined. */
int xk_builder_probe_host(struct xk_builder *builder, struct xk_error *err);

/* Make an empty domain and set everything that needs no memory. */
int xk_builder_make(struct xk_builder *builder, struct xk_error *err);

/* Write the domain's home in xenstore. */
int xk_builder_write_home(struct xk_builder *builder, struct xk_error *err);

/* Make its event channels, memory and kernel. */
int xk_builder_load(struct xk_builder *builder, struct xk_error *err);

/* Write the rest of its nodes; after that xenstored and xenconsoled serve it.
 */
int xk_builder_write_rest(struct xk_builder *builder, struct xk_error *err);

/* Wait until its console has a terminal. */
int xk_builder_await_console(struct xk_builder *builder, struct xk_error *err);

/* Save the configuration where libxl looks for it. */
int xk_builder_save_config(struct xk_builder *builder, struct xk_error *err);

#endif
