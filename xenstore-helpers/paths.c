/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xenstore-helpers/paths.h"

#include "base/mem.h"

#define DOMAIN "/local/domain/%u"

char *
xk_path_domain(unsigned domid)
{
    return xk_asprintf(DOMAIN, domid);
}

char *
xk_path_domain_name(unsigned domid)
{
    return xk_asprintf(DOMAIN "/name", domid);
}

char *
xk_path_domain_vm(unsigned domid)
{
    return xk_asprintf(DOMAIN "/vm", domid);
}

char *
xk_path_control_shutdown(unsigned domid)
{
    return xk_asprintf(DOMAIN "/control/shutdown", domid);
}

char *
xk_path_control_feature(unsigned domid, const char *feature)
{
    return xk_asprintf(DOMAIN "/control/feature-%s", domid, feature);
}

/* The first console is older than the others and has another place. */
char *
xk_path_console_tty(unsigned domid, unsigned number)
{
    if (number == 0)
        return xk_asprintf(DOMAIN "/console/tty", domid);
    return xk_asprintf(DOMAIN "/device/console/%u/tty", domid, number);
}

char *
xk_path_serial_tty(unsigned domid)
{
    return xk_asprintf(DOMAIN "/serial/0/tty", domid);
}

char *
xk_path_libxl(unsigned domid)
{
    return xk_asprintf("/libxl/%u", domid);
}

char *
xk_path_vm(const struct xk_uuid *uuid)
{
    char text[XK_UUID_TEXT_SIZE];

    xk_uuid_format(uuid, text);
    return xk_asprintf("/vm/%s", text);
}

char *
xk_path_frontend(unsigned domid, const char *kind, unsigned devid)
{
    return xk_asprintf(DOMAIN "/device/%s/%u", domid, kind, devid);
}

char *
xk_path_backend(unsigned backend_domid, const char *kind, unsigned domid,
                unsigned devid)
{
    return xk_asprintf(DOMAIN "/backend/%s/%u/%u", backend_domid, kind, domid,
                       devid);
}
