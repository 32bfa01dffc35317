/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "net-helpers/name.h"
#include "net-helpers/rtnetlink.h"

unsigned if_nametoindex(const char *name); /* <net/if.h> and linux/if.h clash */

enum {
    FDINFO_MAX = 65536,
};

/* The host's end of a TAP gets the highest address there is, as Xen's vifs do.
 * A bridge adopts the lowest address of its ports, so never this one. */
static const unsigned char host_end_mac[6] = {0xfe, 0xff, 0xff,
                                              0xff, 0xff, 0xff};

bool
xk_tap_allowed(void)
{
    return geteuid() == 0 && access("/dev/net/tun", R_OK | W_OK) == 0;
}

static int
attach(const char *name, const char *bridge, unsigned mtu,
       struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *what =
        bridge != NULL
            ? xk_asprintf("put \"%s\" on bridge \"%s\"", name, bridge)
            : xk_asprintf("set up \"%s\"", name);
    unsigned index = if_nametoindex(name);
    unsigned up = bridge != NULL ? IFF_UP : 0;
    struct xk_rtnl_request request = xk_rtnl_change_link(index, up, up);
    uint32_t master = bridge != NULL ? if_nametoindex(bridge) : 0;
    uint32_t bytes = mtu;

    if (index == 0 || (bridge != NULL && master == 0))
        return xk_fail(err, XK_ERR_FAILED, "no network device \"%s\"",
                       index == 0 ? name : bridge);
    xk_rtnl_put(&request, IFLA_ADDRESS, host_end_mac, sizeof(host_end_mac));
    if (mtu != 0)
        xk_rtnl_put(&request, IFLA_MTU, &bytes, sizeof(bytes));
    if (bridge != NULL)
        xk_rtnl_put(&request, IFLA_MASTER, &master, sizeof(master));
    return xk_rtnl_do(&request, what, deadline, err);
}

/* Returns the MTU of a network device; 0 if it cannot be determined. */
static unsigned
mtu_of(const char *name)
{
    XK_CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq ifr = {0};

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    if (fd == -1 || ioctl(fd, SIOCGIFMTU, &ifr) == -1)
        return 0;
    return (unsigned)ifr.ifr_mtu;
}

static int
fail_exists(const char *name, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_EXISTS, "a network device \"%s\" already exists",
                   name);
}

/* Open a queue of the TAP, which the first one makes. */
static int
open_queue(const char *name, int flags, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    struct ifreq ifr = {0};

    if (fd == -1)
        return xk_fail_errno(err, "open \"/dev/net/tun\"");
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags);
    if (ioctl(fd, TUNSETIFF, &ifr) == 0)
        return xk_take_fd(&fd);
    return errno == EBUSY
               ? fail_exists(name, err)
               : xk_fail_errno(err, "make network device \"%s\"", name);
}

static void
close_queues(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

int
xk_tap_create(const char *name, const char *bridge, unsigned mtu, int *fds,
              unsigned count, struct xk_deadline deadline, struct xk_error *err)
{
    int flags = count > 1 ? IFF_MULTI_QUEUE : 0;
    const char *wrong = xk_net_name_check(name);

    if (wrong != NULL)
        return xk_fail(err, XK_ERR_CONFIG,
                       "\"%s\" is not a name for a TAP: %s; give the card "
                       "another vifname or a lower devid",
                       name, wrong);
    if (if_nametoindex(name) != 0)
        return fail_exists(name, err);
    /* Without IFF_TUN_EXCL we would share a TAP that was made just now. */
    for (unsigned i = 0; i < count; i++) {
        fds[i] = open_queue(name, i == 0 ? flags | IFF_TUN_EXCL : flags, err);
        if (fds[i] == -1) {
            close_queues(fds, i);
            return -1;
        }
    }
    if (mtu == 0 && bridge != NULL)
        mtu = mtu_of(bridge);
    if (attach(name, bridge, mtu, deadline, err) == 0)
        return 0;
    close_queues(fds, count);
    return -1;
}

/* ---- set aside ---- */

/* The port of an Open vSwitch cannot be taken off it here. The switch lets go
 * of it once its database says so, which may be a moment later. */
static int
take_down(unsigned index, struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_rtnl_request down = xk_rtnl_change_link(index, 0, IFF_UP);
    struct xk_rtnl_request off = down;
    uint32_t no_master = 0;
    int r;

    xk_rtnl_put(&off, IFLA_MASTER, &no_master, sizeof(no_master));
    r = xk_rtnl_ask(&off, deadline, err);
    return r == EOPNOTSUPP ? xk_rtnl_ask(&down, deadline, err) : r;
}

/* Rename a device, which must be down before Linux 6.3. */
static int
rename_link(unsigned index, const char *name, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct xk_rtnl_request request = xk_rtnl_change_link(index, 0, 0);

    xk_rtnl_put(&request, IFLA_IFNAME, name, strlen(name) + 1);
    return xk_rtnl_ask(&request, deadline, err);
}

/* Rename last: if the device has its new name, it is down and off its bridge.
 */
int
xk_tap_set_aside(const char *name, const char *aside,
                 struct xk_deadline deadline, struct xk_error *err)
{
    unsigned index = if_nametoindex(name);
    int r;

    if (index == 0)
        return 0;
    r = take_down(index, deadline, err);
    if (r == 0)
        r = rename_link(index, aside, deadline, err);
    if (r <= 0 || r == ENODEV)
        return r == -1 ? -1 : 0;
    errno = r;
    return xk_fail_errno(err, "rename \"%s\" to \"%s\"", name, aside);
}

/* ---- TAPs that a process holds ---- */

/* Read from fdinfo the name of the TAP that a descriptor refers to; "" if it
 * does not refer to a TAP. */
static void
tap_behind(int fdinfo, const char *number, char name[IFNAMSIZ])
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    const char *line;

    name[0] = '\0';
    if (xk_read_file(fdinfo, number, FDINFO_MAX, &text, NULL) == -1 ||
        text.length == 0)
        return;
    line = strstr(text.data, "\niff:\t");
    if (line != NULL)
        sscanf(line, "\niff:\t%15s", name);
}

/* QEMU never leaves the network namespace in which it was started, and its TAPs
 * belong to that namespace. Their names mean nothing in another. */
static bool
is_in_our_network(int process_dir)
{
    struct stat its, ours;

    return fstatat(process_dir, "ns/net", &its, 0) == 0 &&
           stat("/proc/self/ns/net", &ours) == 0 && its.st_ino == ours.st_ino &&
           its.st_dev == ours.st_dev;
}

static int
visit_all(int fdinfo, xk_tap_visit *visit, void *context, struct xk_error *err)
{
    DIR *numbers = fdopendir(fdinfo);
    const struct dirent *entry;
    int r = 0;

    if (numbers == NULL) {
        close(fdinfo);
        return xk_fail_errno(err, "read the descriptors of a process");
    }
    while (r == 0 && (entry = readdir(numbers)) != NULL) {
        char name[IFNAMSIZ];

        tap_behind(fdinfo, entry->d_name, name);
        if (name[0] != '\0')
            r = visit(name, context, err);
    }
    closedir(numbers);
    return r;
}

/* Open fdinfo of the process. -1 with errno 0: the process is gone, or in
 * another network namespace. */
static int
open_fdinfo(const struct xk_process *process)
{
    XK_CLEANUP_CLOSE int dir = -1;
    char path[32];
    int fdinfo;

    snprintf(path, sizeof(path), "/proc/%d", (int)process->pid);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Check after opening, so that the directory cannot be another
     * process's. */
    if (dir == -1 || !xk_process_alive(process) || !is_in_our_network(dir)) {
        errno = 0;
        return -1;
    }
    fdinfo = openat(dir, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fdinfo == -1 && errno == ENOENT)
        errno = 0;
    return fdinfo;
}

int
xk_tap_visit_held(const struct xk_process *process, xk_tap_visit *visit,
                  void *context, struct xk_error *err)
{
    int fdinfo = open_fdinfo(process);

    if (fdinfo == -1)
        return errno == 0 ? 0
                          : xk_fail_errno(err, "read \"/proc/%d/fdinfo\"",
                                          (int)process->pid);
    return visit_all(fdinfo, visit, context, err);
}

bool
xk_tap_behind(const struct xk_process *process, int fd,
              char name[XK_TAP_NAME_SIZE])
{
    XK_CLEANUP_CLOSE int fdinfo = open_fdinfo(process);
    char number[16];

    if (fdinfo == -1)
        return false;
    snprintf(number, sizeof(number), "%d", fd);
    tap_behind(fdinfo, number, name);
    return name[0] != '\0';
}
