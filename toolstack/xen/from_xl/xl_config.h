/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translates libxl's JSON of a domain, as in files of xl save, into lines of
 * xl.cfg(5) that make the same domain. Needs no libxl.
 */
#ifndef XK_TOOLSTACK_XEN_FROM_XL_XL_CONFIG_H
#define XK_TOOLSTACK_XEN_FROM_XL_XL_CONFIG_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "toolstack/config/domain_config.h"

/* Append the lines to *text. Fails with XK_ERR_UNSUPPORTED if no line can
 * express a member, and names it. Dropped are only the members that libxl fills
 * in by itself, and which of libxl's backends served a disk, because this
 * toolstack chooses that. The JSON is untrusted; the caller must compare the
 * configuration that results from the lines with it. */
int xk_xl_config_lines(const struct xk_json *libxl, struct xk_buf *text,
                       struct xk_error *err);

/* Compare the JSON with the configuration that resulted from its lines: config,
 * and `ours`, the JSON that libxl writes for config. Fails with
 * XK_ERR_UNSUPPORTED if they differ, and names the member. */
int xk_xl_config_compare(const struct xk_json *theirs,
                         const struct xk_json *ours,
                         const struct xk_domain_config *config,
                         struct xk_error *err);

/* True if libxl or the toolstack fills in the member (such as
 * "b_info.claim_mode"), whatever the lines say. */
bool xk_xl_config_fills_in(const char *path);

#endif
