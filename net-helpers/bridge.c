/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/bridge.h"

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "net-helpers/name.h"
#include "net-helpers/tap.h"

/* Use an ioctl, because sysfs shows the network namespace in which it was
 * mounted. Check the name first: the kernel truncates it at a ':' before it
 * looks for the device. */
bool
xk_bridge_exists(const char *name)
{
    XK_CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq ifr = {0};

    if (fd == -1 || xk_net_name_check(name) != NULL)
        return false;
    memcpy(ifr.ifr_name, name, strlen(name));
    ifr.ifr_data = (char *)&driver;
    return ioctl(fd, SIOCETHTOOL, &ifr) == 0 &&
           strcmp(driver.driver, "bridge") == 0;
}

const char *
xk_bridge_usual(void)
{
    return xk_bridge_exists(XK_BRIDGE_DEFAULT) && xk_tap_allowed()
               ? XK_BRIDGE_DEFAULT
               : NULL;
}
