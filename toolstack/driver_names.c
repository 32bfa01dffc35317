/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of drivers, in this build or not. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "toolstack/hypervisor.h"

const char *const xk_driver_names[] = {"xen", "kvm", NULL};

bool
xk_driver_is_known(const char *name)
{
    for (size_t i = 0; xk_driver_names[i] != NULL; i++) {
        if (strcmp(xk_driver_names[i], name) == 0)
            return true;
    }
    return false;
}

char *
xk_driver_choices(void)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    for (size_t i = 0; xk_driver_names[i] != NULL; i++)
        xk_buf_printf(&text, "%s\"%s\"", i == 0 ? "" : " or ",
                      xk_driver_names[i]);
    return xk_strdup(text.data);
}
