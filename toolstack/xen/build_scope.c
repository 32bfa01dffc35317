/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/build_scope.h"

#include <string.h>

#include "base/util.h"
#include "toolstack/xen/device/device.h"

/* Keys that xk-build supports. If any other key is set, libxl builds the
 * domain. */
static const enum xk_key builder_keys[] = {
    XK_KEY_NAME,
    XK_KEY_UUID,
    XK_KEY_TYPE,
    XK_KEY_BUILDER,
    XK_KEY_MEMORY,
    XK_KEY_MAXMEM,
    XK_KEY_VCPUS,
    XK_KEY_MAXVCPUS,
    XK_KEY_KERNEL,
    XK_KEY_RAMDISK,
    XK_KEY_CMDLINE,
    XK_KEY_ROOT,
    XK_KEY_EXTRA,
    XK_KEY_DISK,
    XK_KEY_TSC_MODE,
    XK_KEY_NOMIGRATE,
    XK_KEY_ON_POWEROFF,
    XK_KEY_ON_REBOOT,
    XK_KEY_ON_CRASH,
    XK_KEY_ON_WATCHDOG,
    XK_KEY_ON_SOFT_RESET,
    XK_KEY_MAX_EVENT_CHANNELS,
    XK_KEY_MAX_GRANT_FRAMES,
    XK_KEY_MAX_MAPTRACK_FRAMES,
};

static bool
builder_takes_key(enum xk_key key)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(builder_keys); i++) {
        if (builder_keys[i] == key)
            return true;
    }
    return false;
}

/* tsc_mode=native_paravirt was removed from Xen; let libxl report that. */
static bool
has_removed_mode(const struct xk_domain_config *config)
{
    const char *mode = xk_config_string(config, XK_KEY_TSC_MODE);

    return mode != NULL && strcmp(mode, "native_paravirt") == 0;
}

/* True if xk-backend serves all devices of the domain. */
static bool
has_only_ours(const struct xk_domain_config *config)
{
    return xk_xen_devices_count_ours(config) ==
           config->disk_count + config->vif_count;
}

bool
xk_xen_builder_takes(const struct xk_domain_config *config)
{
#ifndef XK_WITH_BUILDER
    return false;
#endif
    if (config->type == XK_TYPE_HVM ||
        xk_config_string(config, XK_KEY_KERNEL) == NULL ||
        has_removed_mode(config))
        return false;
    for (int key = 0; key < XK_KEY_COUNT; key++) {
        if (config->values[key].set && !builder_takes_key((enum xk_key)key))
            return false;
    }
    return has_only_ours(config);
}
