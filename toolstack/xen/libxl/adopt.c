/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verb "adopt": translates libxl's JSON, as another toolstack wrote it,
 * into a configuration. */
#include <string.h>

#include "base/cleanup.h"
#include "toolstack/xen/from_xl/xl_config.h"
#include "toolstack/xen/libxl/call.h"
#include "toolstack/xen/to_libxl/config.h"

/* The name in messages for the file that the lines would be in. */
#define PLACE "the configuration in it"

static struct xk_domain_config *
read_lines(const struct xk_json *theirs, struct xk_error *err)
{
    struct xk_problems problems = {0};
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_domain_config *config;

    if (xk_xl_config_lines(theirs, &text, err) == -1)
        return NULL;
    config = xk_config_parse(PLACE, text.data != NULL ? text.data : "",
                             text.length, NULL, 0, &problems, err);
    xk_problems_free(&problems);
    return config;
}

static struct xk_json *
as_libxl_has_it(struct xk_libxl *call, const struct xk_domain_config *config,
                struct xk_error *err)
{
    XK_CLEANUP_FREE char *text = NULL;
    libxl_domain_config to;
    int r = xk_xen_config(call->ctx, config, &to, err);

    if (r == 0)
        text = libxl_domain_config_to_json(call->ctx, &to);
    libxl_domain_config_dispose(&to);
    if (r == -1)
        return NULL;
    if (text == NULL) {
        xk_fail(err, XK_ERR_FAILED,
                "libxl cannot write the configuration as JSON");
        return NULL;
    }
    return xk_json_parse(text, strlen(text), "libxl", err);
}

int
xk_libxl_adopt(struct xk_libxl *call, struct xk_error *err)
{
    const struct xk_json *theirs = xk_json_get(call->input, "libxl");
    XK_CLEANUP_CONFIG struct xk_domain_config *config = read_lines(theirs, err);
    XK_CLEANUP_JSON struct xk_json *ours = NULL;

    if (config == NULL)
        return -1;
    ours = as_libxl_has_it(call, config, err);
    if (ours == NULL || xk_xl_config_compare(theirs, ours, config, err) == -1)
        return -1;
    xk_config_to_json(config, call->answer, "config");
    return 0;
}
