/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drivers of this build, best first. */
#include <string.h>

#include "toolstack/hypervisor.h"
#include "toolstack/known_drivers.h"
#ifdef XK_WITH_XEN
#include "toolstack/xen/driver.h"
#endif
#ifdef XK_WITH_KVM
#include "toolstack/kvm/driver.h"
#endif

const struct xk_hypervisor_ops *const xk_drivers[] = {
#ifdef XK_WITH_XEN
    &xk_xen_ops,
#endif
#ifdef XK_WITH_KVM
    &xk_kvm_ops,
#endif
    NULL,
};

static const struct xk_hypervisor_ops *
find(const char *name)
{
    for (size_t i = 0; xk_drivers[i] != NULL; i++) {
        if (strcmp(xk_drivers[i]->name, name) == 0)
            return xk_drivers[i];
    }
    return NULL;
}

const struct xk_hypervisor_ops *
xk_driver_find(const char *name, struct xk_error *err)
{
    const struct xk_driver_facts *known = name != NULL
                                              ? xk_known_driver_get(name, err)
                                              : xk_known_driver_at_home();
    const struct xk_hypervisor_ops *driver;

    if (known == NULL)
        return NULL;
    driver = find(known->name);
    if (driver == NULL) {
        xk_fail(err, XK_ERR_UNSUPPORTED, "this build has no driver for %s",
                known->name);
        return NULL;
    }
    return xk_driver_probe(driver, err) == -1 ? NULL : driver;
}
