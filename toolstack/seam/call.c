/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/seam/call_internal.h"

#include "base/log.h"

struct xk_error *
xk_call_begin(struct xk_call *call, const char *driver, const char *name,
              const struct xk_uuid *uuid, struct xk_error *err)
{
    call->driver = driver;
    call->name = name;
    call->uuid = uuid;
    call->own.message[0] = '\0';
    call->err = err != NULL ? err : &call->own;
    call->began_ns = xk_now_ns();
    return call->err;
}

int
xk_call_end(const struct xk_call *call, int result)
{
    long long ms = (long long)((xk_now_ns() - call->began_ns) / 1000000);
    char uuid[XK_UUID_TEXT_SIZE] = "";
    const char *blank = call->uuid != NULL ? " " : "";

    if (call->uuid != NULL)
        xk_uuid_format(call->uuid, uuid);
    if (result == -1)
        xk_debug("%s: %s%s%s: failed after %lld ms: %s", call->driver,
                 call->name, blank, uuid, ms, call->err->message);
    else
        xk_debug("%s: %s%s%s: %lld ms", call->driver, call->name, blank, uuid,
                 ms);
    return result;
}

int
xk_call_unsupported(const struct xk_hypervisor *hv, const char *deed,
                    struct xk_error *err)
{
    return xk_fail(err, XK_ERR_UNSUPPORTED, "%s cannot %s", xk_hv_name(hv),
                   deed);
}
