/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/known_drivers.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/kvm/facts.h"
#include "toolstack/xen/facts.h"

const struct xk_driver_facts *const xk_known_drivers[] = {
    &xk_xen_facts,
    &xk_kvm_facts,
    NULL,
};

const struct xk_driver_facts *
xk_known_driver_find(const char *name)
{
    for (size_t i = 0; xk_known_drivers[i] != NULL; i++) {
        if (strcmp(xk_known_drivers[i]->name, name) == 0)
            return xk_known_drivers[i];
    }
    return NULL;
}

const struct xk_driver_facts *
xk_known_driver_get(const char *name, struct xk_error *err)
{
    const struct xk_driver_facts *driver = xk_known_driver_find(name);

    if (driver == NULL) {
        XK_CLEANUP_FREE char *choices = xk_known_driver_choices();

        xk_fail(err, XK_ERR_USAGE, "no hypervisor is called \"%s\": use %s",
                name, choices);
    }
    return driver;
}

const struct xk_driver_facts *
xk_known_driver_at_home(void)
{
    size_t i = 0;

    while (xk_known_drivers[i]->is_at_home != NULL &&
           !xk_known_drivers[i]->is_at_home()) {
        i++;
        assert(xk_known_drivers[i] != NULL);
    }
    return xk_known_drivers[i];
}

char *
xk_known_driver_choices(void)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    for (size_t i = 0; xk_known_drivers[i] != NULL; i++)
        xk_buf_printf(&text, "%s\"%s\"", i == 0 ? "" : " or ",
                      xk_known_drivers[i]->name);
    return xk_strdup(text.data);
}

char *
xk_known_driver_words(void)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    for (size_t i = 0; xk_known_drivers[i] != NULL; i++)
        xk_buf_printf(&text, "%s%s", i == 0 ? "" : "|",
                      xk_known_drivers[i]->name);
    return xk_strdup(text.data);
}
