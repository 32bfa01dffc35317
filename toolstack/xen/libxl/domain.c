/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that make, change and destroy a domain. */
#include <libxl_utils.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/libxl/call.h"
#include "toolstack/xen/to_libxl/config.h"

int
xk_libxl_build(struct xk_libxl *call, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    libxl_domain_config to;
    uint32_t domid = 0;
    int rc, r = xk_libxl_config(call, &config, &to, err);

    if (r == 0) {
        rc = libxl_domain_create_new(call->ctx, &to, &domid, NULL, NULL);
        if (rc != 0)
            r = xk_libxl_fail(call, rc, config->name, err, "libxl");
    }
    libxl_domain_config_dispose(&to);
    xk_json_put_integer(call->answer, "domid", domid);
    return r;
}

int
xk_libxl_describe(struct xk_libxl *call, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    XK_CLEANUP_FREE char *text = NULL;
    libxl_domain_config to;
    int r = xk_libxl_config(call, &config, &to, err);

    if (r == 0)
        text = libxl_domain_config_to_json(call->ctx, &to);
    libxl_domain_config_dispose(&to);
    if (r == -1)
        return -1;
    if (text == NULL)
        return xk_fail(err, XK_ERR_FAILED,
                       "libxl cannot write the configuration as JSON");
    json = xk_json_parse(text, strlen(text), "libxl", err);
    if (json == NULL)
        return -1;
    xk_json_put_value(call->answer, "libxl", json);
    return 0;
}

/* Answers with the memory that the domain would need and the free memory, in
 * KiB. */
int
xk_libxl_memory(struct xk_libxl *call, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    libxl_domain_config to;
    uint64_t need_kb = 0, free_kb = 0;
    int rc, r = xk_libxl_config(call, &config, &to, err);

    if (r == 0) {
        rc = libxl_domain_need_memory(call->ctx, &to, INVALID_DOMID, &need_kb);
        if (rc == 0)
            rc = libxl_get_free_memory(call->ctx, &free_kb);
        if (rc != 0)
            r = xk_libxl_fail(call, rc, NULL, err, "ask for memory");
    }
    libxl_domain_config_dispose(&to);
    xk_json_put_integer(call->answer, "need_kb", (int64_t)need_kb);
    xk_json_put_integer(call->answer, "free_kb", (int64_t)free_kb);
    return r;
}

int
xk_libxl_destroy(struct xk_libxl *call, struct xk_error *err)
{
    uint32_t domid;
    int rc;

    if (xk_libxl_domid(call, &domid, err) == -1)
        return -1;
    rc = libxl_domain_destroy(call->ctx, domid, NULL);
    if (rc != 0 && rc != ERROR_DOMAIN_NOTFOUND)
        return xk_libxl_fail(call, rc, NULL, err, "libxl");
    return 0;
}

int
xk_libxl_unpause(struct xk_libxl *call, struct xk_error *err)
{
    uint32_t domid;
    int rc;

    if (xk_libxl_domid(call, &domid, err) == -1)
        return -1;
    rc = libxl_domain_unpause(call->ctx, domid, NULL);
    return rc == 0 ? 0 : xk_libxl_fail(call, rc, NULL, err, "libxl");
}

int
xk_libxl_trigger(struct xk_libxl *call, struct xk_error *err)
{
    libxl_trigger trigger;
    uint32_t domid;
    int rc;

    if (xk_libxl_domid(call, &domid, err) == -1)
        return -1;
    if (call->argument_count < 2 ||
        libxl_trigger_from_string(call->arguments[1], &trigger) != 0)
        return xk_fail(err, XK_ERR_USAGE, "which trigger?");
    rc = libxl_send_trigger(call->ctx, domid, trigger, 0, NULL);
    return rc == 0 ? 0 : xk_libxl_fail(call, rc, NULL, err, "libxl");
}

int
xk_libxl_rename(struct xk_libxl *call, struct xk_error *err)
{
    XK_CLEANUP_FREE char *old = NULL;
    uint32_t domid;
    int rc;

    if (xk_libxl_domid(call, &domid, err) == -1)
        return -1;
    if (call->argument_count < 2)
        return xk_fail(err, XK_ERR_USAGE, "which name?");
    old = libxl_domid_to_name(call->ctx, domid);
    if (old != NULL && strcmp(old, call->arguments[1]) == 0)
        return 0;
    rc = libxl_domain_rename(call->ctx, domid, old, call->arguments[1]);
    return rc == 0 ? 0 : xk_libxl_fail(call, rc, NULL, err, "libxl");
}

/* libxl_domain_preserve() appends a suffix to the old name. We append nothing
 * and rename afterwards, because the new name need not begin with the old. */
static int
preserve(struct xk_libxl *call, uint32_t domid, libxl_uuid uuid,
         const char *old)
{
    libxl_domain_create_info info;
    int rc;

    libxl_domain_create_info_init(&info);
    info.name = xk_strdup(old);
    rc = libxl_domain_preserve(call->ctx, domid, &info, "", uuid);
    libxl_domain_create_info_dispose(&info);
    if (rc != 0)
        return rc;
    return libxl_domain_rename(call->ctx, domid, old, call->arguments[2]);
}

/* Arguments: the domid, the new UUID (which is set in Xen already), the new
 * name. The name changes last, so it tells whether everything is done. */
int
xk_libxl_preserve(struct xk_libxl *call, struct xk_error *err)
{
    XK_CLEANUP_FREE char *old = NULL;
    libxl_uuid uuid;
    uint32_t domid;
    int rc;

    if (xk_libxl_domid(call, &domid, err) == -1)
        return -1;
    if (call->argument_count < 3 ||
        libxl_uuid_from_string(&uuid, call->arguments[1]) != 0)
        return xk_fail(err, XK_ERR_USAGE, "UUID and name are missing");
    old = libxl_domid_to_name(call->ctx, domid);
    if (old == NULL)
        return xk_fail(err, XK_ERR_NOT_FOUND, "no such domain in xenstore");
    if (strcmp(old, call->arguments[2]) == 0)
        return 0;
    rc = preserve(call, domid, uuid, old);
    return rc == 0 ? 0 : xk_libxl_fail(call, rc, NULL, err, "libxl");
}

int
xk_libxl_dump(struct xk_libxl *call, struct xk_error *err)
{
    uint32_t domid;
    int rc;

    if (xk_libxl_domid(call, &domid, err) == -1)
        return -1;
    if (call->argument_count < 2)
        return xk_fail(err, XK_ERR_USAGE, "which file?");
    rc = libxl_domain_core_dump(call->ctx, domid, call->arguments[1], NULL);
    return rc == 0 ? 0 : xk_libxl_fail(call, rc, NULL, err, "libxl");
}
