/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest boots: firmware and boot order, or a kernel. */
#include "toolstack/kvm/plan_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/kvm/firmware.h"
#include "toolstack/kvm/kernel.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* Refuse directories, FIFOs and devices. */
int
xk_kvm_open_readable(const char *path, const char *what, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct stat st;

    /* Without O_NONBLOCK a FIFO would wait for its writer. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd == -1 || fstat(fd, &st) == -1)
        return xk_fail(err, XK_ERR_CONFIG, "%s \"%s\": %s", what, path,
                       strerror(errno));
    if (!S_ISREG(st.st_mode))
        return xk_fail(err, XK_ERR_CONFIG, "%s \"%s\" is not a regular file",
                       what, path);
    return xk_take_fd(&fd);
}

/* Whether the plan's uid may open the file again. /proc/PID/fd leads to the
 * file itself and not through its path, but the file's mode counts. */
static bool
may_reopen(const struct xk_kvm_plan *plan, int fd)
{
    struct stat st;

    if (plan->uid == geteuid() || plan->uid == 0)
        return true;
    if (fstat(fd, &st) == -1)
        return false;
    if (st.st_uid == plan->uid)
        return (st.st_mode & S_IRUSR) != 0;
    if (st.st_gid == plan->gid)
        return (st.st_mode & S_IRGRP) != 0;
    return (st.st_mode & S_IROTH) != 0;
}

static int
copy_to(int copy, int fd, const char *path, struct xk_error *err)
{
    off_t at = 0;
    ssize_t r;

    while ((r = sendfile(copy, fd, &at, 1 << 30)) > 0) {
    }
    if (r == -1)
        return xk_fail_errno(err, "copy \"%s\" to memory", path);
    if (fcntl(copy, F_ADD_SEALS,
              F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == -1)
        return xk_fail_errno(err, "seal the copy of \"%s\"", path);
    return 0;
}

/* Copy the file to memory that nobody can change. */
static int
sealed_copy(int fd, const char *path, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int copy = -1;
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

    copy = memfd_create("xk-boot", flags | MFD_NOEXEC_SEAL);
    if (copy == -1 && errno == EINVAL)
        copy = memfd_create("xk-boot", flags);
    if (copy == -1)
        return xk_fail_errno(err, "memfd_create");
    if (copy_to(copy, fd, path, err) == -1)
        return -1;
    return xk_take_fd(&copy);
}

int
xk_kvm_plan_file(struct xk_kvm_plan *plan, const char *path, const char *what,
                 int (*check)(int fd, const char *path, struct xk_error *err),
                 struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;

    if (plan->dry)
        return xk_kvm_plan_fd(plan, -1, "%s %s", what, path);
    fd = xk_kvm_open_readable(path, what, err);
    if (fd == -1 || (check != NULL && check(fd, path, err) == -1))
        return -1;
    if (!plan->probe && !may_reopen(plan, fd)) {
        int copy = sealed_copy(fd, path, err);

        if (copy == -1)
            return -1;
        return xk_kvm_plan_fd(plan, copy, "copy of %s %s", what, path);
    }
    return xk_kvm_plan_fd(plan, xk_take_fd(&fd), "%s %s", what, path);
}

/* The command line, joined as xl does: cmdline= alone, or root= and extra=. */
static char *
command_line(const struct xk_domain_config *config)
{
    const char *whole = xk_config_string(config, XK_KEY_CMDLINE);
    const char *root = xk_config_string(config, XK_KEY_ROOT);
    const char *extra = xk_config_string(config, XK_KEY_EXTRA);

    if (whole != NULL)
        return xk_strdup(whole);
    if (root != NULL && extra != NULL)
        return xk_asprintf("root=%s %s", root, extra);
    if (root != NULL)
        return xk_asprintf("root=%s", root);
    return xk_strdup(extra != NULL ? extra : "");
}

/* On Xen a PV or PVH kernel uses the domain's console by default; here that
 * console is a serial port, which must be named. It is put first, so that a
 * console= of the user stays the last one and "--" keeps its place. */
static char *
with_console(char *line)
{
    char *longer;

    if (strstr(line, "console=ttyS") != NULL)
        return line;
    longer = xk_asprintf("console=ttyS0%s%s", line[0] != '\0' ? " " : "", line);
    free(line);
    return longer;
}

/* Hand in the file that a key names, as -OPTION. */
static int
add_boot_file(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
              enum xk_key key, const char *option, const char *what,
              int (*check)(int, const char *, struct xk_error *),
              struct xk_error *err)
{
    const char *path = xk_config_string(config, key);
    int number;

    if (path == NULL)
        return 0;
    number = xk_kvm_plan_file(plan, path, what, check, err);
    if (number == -1)
        return xk_kvm_part_failed(plan, xk_kvm_key_place(config, key), err);
    xk_kvm_plan_arg(plan, "%s", option);
    xk_kvm_plan_arg(plan, "/proc/self/fd/%d", number);
    return 0;
}

/* Warn of Xen's disk names, which are virtio's names here. */
static void
warn_of_root(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
             const char *line)
{
    const char *root = strstr(line, "root=/dev/xvd");
    enum xk_key key = xk_config_is_set(config, XK_KEY_CMDLINE) ? XK_KEY_CMDLINE
                      : xk_config_is_set(config, XK_KEY_ROOT)  ? XK_KEY_ROOT
                                                               : XK_KEY_EXTRA;

    if (root != NULL)
        xk_kvm_part_warn(plan, xk_kvm_key_place(config, key),
                         "\"%.*s\": the disk is /dev/vd... on kvm; "
                         "root=UUID=... or root=LABEL=... works on both",
                         (int)strcspn(root, " \t"), root);
}

static int
add_kernel(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
           struct xk_error *err)
{
    XK_CLEANUP_FREE char *line = command_line(config);

    if (config->type != XK_TYPE_HVM)
        line = with_console(line);
    warn_of_root(plan, config, line);
    if (add_boot_file(plan, config, XK_KEY_KERNEL, "-kernel", "kernel",
                      xk_kvm_kernel_check, err) == -1 ||
        add_boot_file(plan, config, XK_KEY_RAMDISK, "-initrd", "ramdisk", NULL,
                      err) == -1)
        return -1;
    if (line[0] != '\0') {
        xk_kvm_plan_arg(plan, "-append");
        xk_kvm_plan_arg(plan, "%s", line);
    }
    return 0;
}

/* Each class gets the indexes of one thousand, so that with "cd" all disks come
 * before all CD-ROM drives. */
static void
set_boot_order(struct xk_kvm_plan *plan, const struct xk_domain_config *config)
{
    static const char letters[] = "cdn";
    static_assert(sizeof(letters) - 1 == XK_KVM_BOOT_COUNT,
                  "one letter per class");
    const char *order = xk_config_string(config, XK_KEY_BOOT);
    int rank = 0;

    for (const char *p = order != NULL ? order : "cd"; *p != '\0'; p++) {
        size_t class = strcspn(letters, (const char[]){*p, '\0'});

        if (class < XK_KVM_BOOT_COUNT && plan->layout->boot_next[class] == 0)
            plan->layout->boot_next[class] = 1 + 1000 * rank++;
    }
    xk_kvm_plan_arg(plan, "-boot");
    xk_kvm_plan_arg(plan, "strict=on");
}

int
xk_kvm_part_boot(struct xk_kvm_plan *plan,
                 const struct xk_domain_config *config, struct xk_error *err)
{
    bool kernel = xk_config_is_set(config, XK_KEY_KERNEL);

    if (xk_kvm_firmware_add(plan, config, err) == -1)
        return -1;
    xk_kvm_plan_arg(plan, "-machine");
    xk_kvm_plan_arg(plan, "%s", plan->layout->machine.data);
    if (kernel)
        return add_kernel(plan, config, err);
    set_boot_order(plan, config);
    return 0;
}
