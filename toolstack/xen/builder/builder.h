/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xk-build: makes a domain that has no device model and no device of libxl's
 * but its console, by libxenctrl and libxenguest, and leaves what libxl would
 * leave: the store, its copy of the configuration, every setting. Most of what
 * libxl takes for that is its own start, the requests to xenstored, each of
 * which it waits for, and the names of all domains.
 *
 * Called as helper/caller.h says, by toolstack/xen/build.c. What of a
 * configuration it does not take is known before (toolstack/xen/build_scope.h),
 * or declined before anything is made. A domain that it leaves half made is
 * torn down by whoever called it.
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
    struct xk_callee_log log; /* what xc says */
    struct xk_deadline deadline;
    const struct xk_domain_config *config;
    libxl_domain_config libxl; /* the same as libxl would be told it */
    const char *declined;      /* why this is libxl's to do, or NULL */
    uint32_t domid;
    bool hap;             /* nested paging for its memory */
    uint64_t paging_kb;   /* for its page tables */
    unsigned grants;      /* the version of grant tables that it may use */
    unsigned store_domid; /* who serves its store and its console */
    unsigned console_domid;
    uint32_t store_port, console_port;
    uint64_t store_gfn, console_gfn;
};

/* xc failed: what it said, and errno. Returns -1. */
int xk_builder_fail(const struct xk_builder *builder, const char *what,
                    struct xk_error *err);

/* Ask Xen what it has; may set declined. */
int xk_builder_look(struct xk_builder *builder, struct xk_error *err);

/* Make the domain, empty, with all that can be set before it has memory. */
int xk_builder_make(struct xk_builder *builder, struct xk_error *err);

/* Its home in the store. */
int xk_builder_write_home(struct xk_builder *builder, struct xk_error *err);

/* Its event channels, memory and kernel. */
int xk_builder_load(struct xk_builder *builder, struct xk_error *err);

/* The rest of its nodes; then xenstored and xenconsoled serve it. */
int xk_builder_write_rest(struct xk_builder *builder, struct xk_error *err);

/* Wait until there is a terminal behind its console. */
int xk_builder_await_console(struct xk_builder *builder, struct xk_error *err);

/* Keep the configuration where libxl looks for it. */
int xk_builder_save_config(struct xk_builder *builder, struct xk_error *err);

#endif
