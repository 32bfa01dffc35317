/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drivers of this build, best first. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "toolstack/hypervisor.h"
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

/* xenfs lists this word if the host is a control domain of Xen. */
static bool
is_xen_dom0(void)
{
    char text[64];
    int fd = open("/proc/xen/capabilities", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd != -1)
        close(fd);
    if (length <= 0)
        return false;
    text[length] = '\0';
    return strstr(text, "control_d") != NULL;
}

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
    const struct xk_hypervisor_ops *driver;

    if (name != NULL && !xk_driver_is_known(name)) {
        XK_CLEANUP_FREE char *choices = xk_driver_choices();

        xk_fail(err, XK_ERR_USAGE, "no hypervisor is called \"%s\": use %s",
                name, choices);
        return NULL;
    }
    if (name == NULL)
        name = is_xen_dom0() ? "xen" : "kvm";
    driver = find(name);
    if (driver == NULL) {
        xk_fail(err, XK_ERR_UNSUPPORTED, "this build has no driver for %s",
                name);
        return NULL;
    }
    return xk_driver_probe(driver, err) == -1 ? NULL : driver;
}
