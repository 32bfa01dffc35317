/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/manifest.h"

#include <string.h>

#include "base/cleanup.h"
#include "toolstack/operations.h"

enum {
    FORMAT = 1
};

int
xk_manifest_put(struct xk_host *host, const struct xk_domain *domain,
                const struct xk_domain_config *config, bool runs,
                struct xk_copy_totals *copies, struct xk_json_writer *writer,
                struct xk_deadline deadline, struct xk_error *err)
{
    int r;

    xk_json_put_integer(writer, "format", FORMAT);
    xk_json_put_string(writer, "hypervisor", host->hv->ops->name);
    xk_json_put_string(writer, "name", domain->name);
    xk_json_put_string(writer, "uuid", domain->record->uuid_text);
    xk_json_put_bool(writer, "runs", runs);
    xk_config_to_json(config, writer, "config");
    xk_json_open_object(writer, "needs");
    r = host->hv->ops->put_needs(host->hv, domain, writer, deadline, err);
    if (r == 0 && copies != NULL)
        r = host->hv->ops->put_copies(host->hv, domain, config, writer, copies,
                                      deadline, err);
    xk_json_close_object(writer);
    return r;
}

int
xk_manifest_take(struct xk_json **json, const char *what,
                 struct xk_manifest *manifest, struct xk_error *err)
{
    int64_t format = 0;

    *manifest = (struct xk_manifest){0};
    xk_json_integer(xk_json_get(*json, "format"), &format);
    if (format != FORMAT)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "%s is of format %lld; this xk reads format %d", what,
                       (long long)format, FORMAT);
    manifest->hypervisor = xk_json_need_string(*json, "hypervisor", err);
    if (manifest->hypervisor == NULL)
        return xk_wrap(err, "%s", what);
    manifest->needs = xk_json_get(*json, "needs");
    if (!xk_json_is_object(manifest->needs))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "%s does not say what its domain needs", what);
    manifest->runs = xk_json_is_true(xk_json_get(*json, "runs"));
    manifest->config = xk_config_from_json(xk_json_get(*json, "config"), err);
    if (manifest->config == NULL)
        return xk_wrap(err, "%s", what);
    manifest->document = XK_TAKE(*json);
    return 0;
}

void
xk_manifest_free(struct xk_manifest *manifest)
{
    xk_json_free(manifest->document);
    if (manifest->config != NULL)
        xk_config_free(manifest->config);
    *manifest = (struct xk_manifest){0};
}

static int
check_uuid(struct xk_host *host, const struct xk_domain_config *config,
           struct xk_deadline deadline, struct xk_error *err)
{
    char text[XK_UUID_TEXT_SIZE];
    struct xk_domain other;

    xk_uuid_format(&config->uuid, text);
    if (xk_domain_find(host, text, &other, deadline, err) == -1)
        return err->kind == XK_ERR_NOT_FOUND ? 0 : -1;
    xk_fail(err, XK_ERR_EXISTS, "domain \"%s\" has its UUID %s", other.name,
            text);
    xk_domain_close(&other);
    return -1;
}

int
xk_manifest_check(struct xk_host *host, const struct xk_manifest *manifest,
                  const struct xk_domain_config *config, bool shared,
                  struct xk_problems *problems, struct xk_deadline deadline,
                  struct xk_error *err)
{
    const struct xk_hypervisor_ops *ops = host->hv->ops;

    if (strcmp(manifest->hypervisor, ops->name) != 0)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "it ran on %.20s, whose memory and devices %s cannot "
                       "take over; shut it down and start it here instead",
                       manifest->hypervisor, ops->name);
    if (xk_operation_check_name(host, config->name, deadline, err) == -1 ||
        check_uuid(host, config, deadline, err) == -1)
        return -1;
    return ops->check_needs(host->hv, config, manifest->needs, shared, problems,
                            err);
}
