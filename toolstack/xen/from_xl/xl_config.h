/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From libxl's JSON of a domain, as xl keeps it in its files, to the lines of
 * xl.cfg(5) that make the same. Needs no libxl.
 */
#ifndef XK_TOOLSTACK_XEN_FROM_XL_XL_CONFIG_H
#define XK_TOOLSTACK_XEN_FROM_XL_XL_CONFIG_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "toolstack/config/domain_config.h"

/* Append the lines to *text. XK_ERR_UNSUPPORTED names a member that no line
 * stands for: nothing is dropped but what libxl fills in by itself, and which
 * of its backends served a disk, which is for this toolstack to choose. The
 * JSON may be anybody's; what the lines come to is for the caller to compare
 * with it. */
int xk_xl_config_lines(const struct xk_json *libxl, struct xk_buf *text,
                       struct xk_error *err);

/* Whether the configuration that those lines are read as, and which libxl
 * writes as the JSON ours, is the same again: XK_ERR_UNSUPPORTED names what is
 * not. */
int xk_xl_config_compare(const struct xk_json *theirs,
                         const struct xk_json *ours,
                         const struct xk_domain_config *config,
                         struct xk_error *err);

/* Whether a member, "b_info.claim_mode", is one that libxl or the toolstack
 * fills in, whatever the lines say. */
bool xk_xl_config_fills_in(const char *path);

#endif
