/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/manifest.h"

#include <string.h>

#include "base/cleanup.h"
#include "toolstack/find.h"
#include "toolstack/seam/transfer_ops.h"

enum {
    FORMAT = 1
};

int
xk_manifest_put(const struct xk_domain *domain,
                const struct xk_domain_config *config, bool runs,
                struct xk_copy_totals *copies, struct xk_json_writer *writer,
                struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_hypervisor *hv = domain->hv;
    int r;

    xk_json_put_integer(writer, "format", FORMAT);
    xk_json_put_string(writer, "hypervisor", xk_hv_name(hv));
    xk_json_put_string(writer, "name", domain->name);
    xk_json_put_string(writer, "uuid", domain->record->uuid_text);
    xk_json_put_bool(writer, "runs", runs);
    xk_config_to_json(config, writer, "config");
    xk_json_open_object(writer, "needs");
    r = xk_hv_put_needs(hv, domain, writer, deadline, err);
    if (r == 0 && copies != NULL)
        r = xk_hv_put_copies(hv, domain, config, writer, copies, deadline, err);
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

/* Saved memory and devices can be loaded only by the hypervisor that wrote
 * them. */
struct xk_hypervisor *
xk_manifest_driver(struct xk_host *host, const struct xk_manifest *manifest,
                   struct xk_error *err)
{
    const char *name = manifest->hypervisor;
    struct xk_hypervisor *hv = NULL, *ours;

    if (host->wanted == NULL || strcmp(host->wanted, name) == 0)
        hv = xk_host_driver(host, name, NULL);
    if (hv != NULL)
        return hv;
    ours = xk_host_default(host, err);
    if (ours != NULL)
        xk_fail(err, XK_ERR_UNSUPPORTED,
                "it ran on %.20s, whose memory and devices %s cannot load; "
                "shut it down and start it here instead",
                name, xk_hv_name(ours));
    return NULL;
}

int
xk_manifest_check(struct xk_host *host, const struct xk_manifest *manifest,
                  const struct xk_domain_config *config, bool shared,
                  struct xk_problems *problems, struct xk_deadline deadline,
                  struct xk_error *err)
{
    struct xk_hypervisor *hv = xk_manifest_driver(host, manifest, err);

    if (hv == NULL || xk_operation_check_free(host, config->name, &config->uuid,
                                              deadline, err) == -1)
        return -1;
    return xk_hv_check_needs(hv, config, manifest->needs, shared, problems,
                             err);
}
