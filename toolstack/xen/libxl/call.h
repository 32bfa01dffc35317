/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call of libxl: the request, the context, and libxl's messages. See
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
    char *const *arguments; /* after the verb */
    int argument_count;
    struct xk_json *input; /* NULL: none */
    struct xk_json_writer *answer;
};

typedef int xk_libxl_verb(struct xk_libxl *call, struct xk_error *err);

xk_libxl_verb xk_libxl_build, xk_libxl_describe, xk_libxl_destroy,
    xk_libxl_trigger, xk_libxl_unpause, xk_libxl_rename, xk_libxl_preserve,
    xk_libxl_dump, xk_libxl_info, xk_libxl_send, xk_libxl_resume,
    xk_libxl_receive, xk_libxl_memory, xk_libxl_disks, xk_libxl_cards,
    xk_libxl_adopt;

/* Fail with libxl's ERROR_* rc. The message has `what` (what was attempted),
 * libxl's messages, and the cause that xk_libxl_blame() finds. name is the
 * domain's, or NULL. Returns -1. */
int xk_libxl_fail(struct xk_libxl *call, int rc, const char *name,
                  struct xk_error *err, const char *what);

/* Parse the first argument as a domid. */
int xk_libxl_domid(const struct xk_libxl *call, uint32_t *domid,
                   struct xk_error *err);

/* Read the input's member "config" in both forms. The caller owns both, also
 * after a failure. */
int xk_libxl_config(struct xk_libxl *call, struct xk_domain_config **config,
                    libxl_domain_config *to, struct xk_error *err);

#endif
