/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/host_drivers.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "toolstack/record_look.h"
#include "toolstack/seam/domain_ops.h"

enum {
    LOOK_MS = 5000, /* for the state of one domain */
};

/* ---- opening ---- */

static struct xk_hypervisor *
find_open(const struct xk_host *host, const char *name)
{
    for (size_t i = 0; i < XK_HOST_DRIVERS; i++) {
        if (host->drivers[i] != NULL &&
            strcmp(xk_hv_name(host->drivers[i]), name) == 0)
            return host->drivers[i];
    }
    return NULL;
}

static struct xk_hypervisor *
open_driver(struct xk_host *host, const struct xk_hypervisor_ops *driver,
            struct xk_error *err)
{
    size_t i = 0;

    while (i < XK_HOST_DRIVERS && host->drivers[i] != NULL)
        i++;
    if (i == XK_HOST_DRIVERS) {
        xk_fail(err, XK_ERR_FAILED, "more than %d drivers", XK_HOST_DRIVERS);
        return NULL;
    }
    host->drivers[i] = xk_driver_open(driver, &host->state, err);
    return host->drivers[i];
}

const struct xk_hypervisor_ops *
xk_host_ops(const struct xk_host *host, size_t number)
{
    size_t built = 0;

    while (xk_drivers[built] != NULL)
        built++;
    if (number < built)
        return xk_drivers[number];
    /* Drivers that were adopted and are not in this build. */
    for (size_t i = 0; i < XK_HOST_DRIVERS && host->drivers[i] != NULL; i++) {
        const struct xk_hypervisor_ops *driver = xk_hv_driver(host->drivers[i]);
        size_t k = 0;

        while (k < built && xk_drivers[k] != driver)
            k++;
        if (k == built && number-- == built)
            return driver;
    }
    return NULL;
}

static const struct xk_hypervisor_ops *
find_ops(const struct xk_host *host, const char *name, struct xk_error *err)
{
    const struct xk_hypervisor_ops *driver;

    for (size_t i = 0; (driver = xk_host_ops(host, i)) != NULL; i++) {
        if (strcmp(driver->name, name) == 0)
            return driver;
    }
    xk_fail(err, XK_ERR_UNSUPPORTED, "this build has no driver for %s", name);
    return NULL;
}

static struct xk_hypervisor *
need_driver(struct xk_host *host, const struct xk_hypervisor_ops *driver,
            struct xk_error *err)
{
    struct xk_hypervisor *hv = find_open(host, driver->name);

    if (hv != NULL || xk_driver_probe(driver, err) == -1)
        return hv;
    return open_driver(host, driver, err);
}

struct xk_hypervisor *
xk_host_driver(struct xk_host *host, const char *name, struct xk_error *err)
{
    const struct xk_hypervisor_ops *driver = find_ops(host, name, err);

    return driver == NULL ? NULL : need_driver(host, driver, err);
}

struct xk_hypervisor *
xk_host_default(struct xk_host *host, struct xk_error *err)
{
    const struct xk_hypervisor_ops *driver;

    if (host->preferred != NULL)
        return host->preferred;
    driver = xk_driver_find(host->wanted, err);
    if (driver == NULL)
        return NULL;
    host->preferred = find_open(host, driver->name);
    if (host->preferred == NULL)
        host->preferred = open_driver(host, driver, err);
    return host->preferred;
}

void
xk_host_close_drivers(struct xk_host *host)
{
    for (size_t i = 0; i < XK_HOST_DRIVERS; i++) {
        if (host->drivers[i] != NULL)
            xk_hv_close(host->drivers[i]);
        host->drivers[i] = NULL;
    }
    host->preferred = NULL;
}

/* ---- whose a record is ---- */

/* If the driver has the domain, it owns the record. */
static bool
has_domain(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    const struct xk_domain domain = {.hv = hv, .uuid = *uuid, .domid = -1};
    struct xk_domain_info info;

    if (xk_hv_get(hv, &domain, &info, xk_deadline_in_ms(LOOK_MS), NULL) == -1)
        return false;
    xk_domain_info_free(&info);
    return true;
}

/* Find the owner by the files that drivers leave in a record, or else by asking
 * which driver has the domain. */
static const struct xk_hypervisor_ops *
infer(struct xk_host *host, const struct xk_uuid *uuid, struct xk_error *err)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(&host->state, uuid, err);
    const struct xk_hypervisor_ops *driver;
    struct xk_hypervisor *hv;

    if (record == NULL)
        return NULL;
    for (size_t i = 0; (driver = xk_host_ops(host, i)) != NULL; i++) {
        if (xk_driver_owns(driver, record))
            return driver;
    }
    for (size_t i = 0; (driver = xk_host_ops(host, i)) != NULL; i++) {
        hv = driver->has_strangers ? need_driver(host, driver, NULL) : NULL;
        if (hv != NULL && has_domain(hv, uuid))
            return driver;
    }
    xk_fail(err, XK_ERR_UNSUPPORTED,
            "its record does not say which hypervisor has it");
    return NULL;
}

const struct xk_hypervisor_ops *
xk_host_owner(struct xk_host *host, const struct xk_uuid *uuid,
              struct xk_error *err)
{
    char name[XK_DRIVER_NAME_SIZE];

    switch (xk_record_owner(&host->state, uuid, name)) {
    case XK_RECORD_OWNED:
        return find_ops(host, name, err);
    case XK_RECORD_UNNAMED:
        return infer(host, uuid, err);
    case XK_RECORD_GONE:
        xk_fail(err, XK_ERR_NOT_FOUND, "the domain is gone");
        return NULL;
    case XK_RECORD_ODD:
    default:
        xk_fail(err, XK_ERR_UNSUPPORTED,
                "its record does not name a hypervisor");
        return NULL;
    }
}

struct xk_hypervisor *
xk_host_driver_of(struct xk_host *host, const struct xk_record *record,
                  struct xk_error *err)
{
    const struct xk_hypervisor_ops *driver =
        xk_host_owner(host, &record->uuid, err);

    return driver == NULL ? NULL : need_driver(host, driver, err);
}

void
xk_host_warn_alone(const struct xk_uuid *uuid, const struct xk_error *err)
{
    char text[XK_UUID_TEXT_SIZE];

    xk_uuid_format(uuid, text);
    xk_warn("domain %s is left alone: %s", text, err->message);
}
