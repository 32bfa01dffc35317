/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks a configuration against this host before anything is made. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/config/vif_plug.h"
#include "toolstack/xen/build.h"
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/device/disk_ours.h"
#include "toolstack/xen/device/vif_ours.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/hypercall.h"
#include "toolstack/xen/ops.h"

enum {
    MEMORY_MS = 10000,
    HEAD_SIZE = 1024,
};

static const struct xk_location *
place(const struct xk_domain_config *config, enum xk_key key)
{
    return &config->values[key].where;
}

/* ---- files ---- */

/* True for an ELF image, a Linux bzImage, or an image compressed with gzip,
 * bzip2, xz, lzma, lzo, lz4 or zstd, which Xen's builder unpacks. */
static bool
is_kernel(const unsigned char *head, size_t length)
{
    static const struct {
        size_t at;
        const char *bytes;
        size_t length;
    } magics[] = {
        {0,
         "\x7f"
         "ELF",
         4},
        {0x202, "HdrS", 4},
        {0, "\x1f\x8b", 2},
        {0, "BZh", 3},
        {0,
         "\xfd"
         "7zXZ",
         5},
        {0, "\x5d\x00\x00", 3},
        {0, "\x89LZO", 4},
        {0, "\x02\x21\x4c\x18", 4},
        {0, "\x28\xb5\x2f\xfd", 4},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(magics); i++) {
        if (length >= magics[i].at + magics[i].length &&
            memcmp(head + magics[i].at, magics[i].bytes, magics[i].length) == 0)
            return true;
    }
    return false;
}

static int
open_file(const char *path, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd == -1 || fstat(fd, &st) == -1)
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\": %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not a regular file",
                       path);
    return xk_take_fd(&fd);
}

static void
check_file(const struct xk_domain_config *config, enum xk_key key, bool kernel,
           struct xk_problems *problems)
{
    const char *path = xk_config_string(config, key);
    unsigned char head[HEAD_SIZE];
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_error err = {0};
    ssize_t got;

    if (path == NULL)
        return;
    fd = open_file(path, &err);
    if (fd == -1) {
        xk_problem_add(problems, XK_PROBLEM_ERROR, place(config, key), "%s",
                       err.message);
        return;
    }
    got = kernel ? pread(fd, head, sizeof(head), 0) : 0;
    if (kernel && (got < 0 || !is_kernel(head, (size_t)got)))
        xk_problem_add(problems, XK_PROBLEM_ERROR, place(config, key),
                       "\"%s\" is not a kernel: neither ELF nor bzImage", path);
}

/* ---- devices ---- */

/* Other scripts than that of a bridge are libxl's affair, if libxl runs them.
 */
void
xk_xen_check_vif(const struct xk_vif *vif, struct xk_problems *problems)
{
    const struct xk_plug plug = xk_vif_plug(vif);
    struct xk_error why = {0};

    if (vif->type == XK_VIF_USER ||
        (!xk_vif_is_ours(vif) && xk_plug_kind(plug.script) != XK_PLUG_BRIDGE))
        return;
    if (xk_plug_check(&plug, &why) == -1)
        xk_problem_add_error(problems, &vif->where, &why);
}

/* Check the disks that libxl's backends serve. */
static void
check_disks(const struct xk_domain_config *config, struct xk_problems *problems)
{
    for (size_t i = 0; i < config->disk_count; i++) {
        const struct xk_disk *disk = &config->disks[i];
        struct stat st;

        if (xk_disk_is_ours(config, disk) || disk->target == NULL ||
            disk->target[0] != '/' || disk->script != NULL ||
            disk->backend_domain != NULL)
            continue;
        if (stat(disk->target, &st) == -1)
            xk_problem_add(problems, XK_PROBLEM_ERROR, &disk->where,
                           "\"%s\": %s", disk->target, strerror(errno));
        else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
            xk_problem_add(problems, XK_PROBLEM_ERROR, &disk->where,
                           "\"%s\" is neither a file nor a block device",
                           disk->target);
    }
}

/* Only devices that pciback holds can be assigned. */
static void
check_pci(const struct xk_domain_config *config, struct xk_problems *problems)
{
    const struct xk_value *pci = &config->values[XK_KEY_PCI];

    for (size_t i = 0; i < pci->item_count; i++) {
        unsigned domain = 0, bus, slot, function;
        char path[64];

        if (sscanf(pci->items[i], "%x:%x:%x.%x", &domain, &bus, &slot,
                   &function) != 4) {
            domain = 0;
            if (sscanf(pci->items[i], "%x:%x.%x", &bus, &slot, &function) != 3)
                continue; /* name= or a wildcard, which only libxl resolves */
        }
        snprintf(path, sizeof(path),
                 "/sys/bus/pci/drivers/pciback/%04x:%02x:%02x.%x", domain, bus,
                 slot, function);
        if (access(path, F_OK) == -1)
            xk_problem_add(problems, XK_PROBLEM_ERROR, &pci->where,
                           "PCI device \"%s\" is not assignable: make it so "
                           "with xl pci-assignable-add %04x:%02x:%02x.%x",
                           pci->items[i], domain, bus, slot, function);
    }
}

/* ---- memory ---- */

/* The margin is far larger than any overhead that libxl adds. */
static bool
is_ample(uint64_t need_mib, uint64_t free_mib)
{
    return need_mib + need_mib / 8 + 256 <= free_mib;
}

/* libxl knows the exact need, but asking it takes time. */
static int
check_memory(struct xk_xen *xen, const struct xk_domain_config *config,
             struct xk_problems *problems, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    int64_t need_kb = 0, free_kb = 0;
    uint64_t free_mib;

    if (xk_xen_need_hypercall(xen, err) == -1 ||
        xk_hypercall_free_mib(xen->hypercall, &free_mib, err) == -1)
        return -1;
    if (is_ample(config->maxmem_mib, free_mib))
        return 0;
    if (xk_xen_helper_config(xen, NULL, "memory", NULL, config, -1, NULL,
                             &answer, xk_deadline_in_ms(MEMORY_MS), err) == -1)
        return -1;
    xk_json_integer(xk_json_get(answer, "need_kb"), &need_kb);
    xk_json_integer(xk_json_get(answer, "free_kb"), &free_kb);
    if (need_kb > free_kb)
        xk_problem_add(problems, XK_PROBLEM_ERROR, place(config, XK_KEY_MEMORY),
                       "the domain needs %" PRId64 " MiB including overhead, "
                       "but Xen has only %" PRId64 " MiB free: give it less, "
                       "or take some from dom0 (xl mem-set 0)",
                       (need_kb + 1023) / 1024, free_kb / 1024);
    return 0;
}

int
xk_xen_check(struct xk_hypervisor *hv, const struct xk_domain_config *config,
             struct xk_problems *problems, struct xk_error *err)
{
    return xk_xen_check_all(xk_xen(hv), config, false, problems, err);
}

int
xk_xen_check_all(struct xk_xen *xen, const struct xk_domain_config *config,
                 bool shared, struct xk_problems *problems,
                 struct xk_error *err)
{
    check_file(config, XK_KEY_KERNEL, true, problems);
    check_file(config, XK_KEY_RAMDISK, false, problems);
    check_disks(config, problems);
    for (size_t i = 0; i < config->vif_count; i++)
        xk_xen_check_vif(&config->vifs[i], problems);
    check_pci(config, problems);
    if (xk_xen_devices_check(xen->base.state, config, shared, problems, err) ==
        -1)
        return -1;
    if (problems->errors > 0)
        return 0;
    return check_memory(xen, config, problems, err);
}
