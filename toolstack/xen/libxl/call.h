/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call of libxl: what was asked, the context, and what libxl said. See
 * toolstack/xen/helper/caller.h. */
#ifndef XK_TOOLSTACK_XEN_LIBXL_CALL_H
#define XK_TOOLSTACK_XEN_LIBXL_CALL_H

#include <libxl.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/xen/helper/callee.h"

struct xk_libxl {
    libxl_ctx *ctx;
    struct xk_callee_log log;
    char *const *arguments; /* behind the verb */
    int argument_count;
    struct xk_json *input; /* NULL: none */
    struct xk_json_writer *answer;
};

typedef int xk_libxl_verb(struct xk_libxl *call, struct xk_error *err);

xk_libxl_verb xk_libxl_build, xk_libxl_describe, xk_libxl_destroy,
    xk_libxl_trigger, xk_libxl_unpause, xk_libxl_rename, xk_libxl_preserve,
    xk_libxl_dump, xk_libxl_info, xk_libxl_send, xk_libxl_resume,
    xk_libxl_receive, xk_libxl_memory, xk_libxl_disks, xk_libxl_adopt;

/* A call of libxl failed with that ERROR_*: what it was to do, and what it
 * said, and the end of the log of who is to blame. Returns -1. */
int xk_libxl_fail(struct xk_libxl *call, int rc, const char *name,
                  struct xk_error *err, const char *what);

/* The first argument as a domid. */
int xk_libxl_domid(const struct xk_libxl *call, uint32_t *domid,
                   struct xk_error *err);

/* The member "config" of the input, in both forms; both are the caller's, on
 * failure too. */
int xk_libxl_config(struct xk_libxl *call, struct xk_domain_config **config,
                    libxl_domain_config *to, struct xk_error *err);

#endif
