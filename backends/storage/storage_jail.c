/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works. Each piece is first made a detached mount in the host's mount
 * namespace (open_tree(2)). xk_storage_enter() then leaves that namespace,
 * mounts a small tmpfs, moves the pieces and the system's programs into it,
 * makes it the root and detaches the old root. xk_storage_drop() changes the
 * user, keeps one capability and loads the filter of system calls.
 */
#include "backends/storage/storage_jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/call_filter.h"
#include "base/util.h"
#include "sandbox/user.h"

/* libseccomp's macros do not initialise every field. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    FILES_MAX = 256,
};

/* The files that programs need. Each may be a directory, a link, or missing. */
static const char *const system_folders[] = {"usr", "lib", "lib64", "bin"};
static const char *const system_files[] = {"etc/ld.so.cache", "dev/null"};

static int
bring_system_piece(const char *name, struct xk_error *err)
{
    char path[64], link[64];
    ssize_t length;

    snprintf(path, sizeof(path), "/%s", name);
    length = readlink(path, link, sizeof(link) - 1);
    if (length <= 0)
        return xk_sandbox_bring(name, MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY,
                                err);
    link[length] = '\0';
    return symlink(link, name) == 0 ? 0 : xk_fail_errno(err, "link");
}

static int
bring_system(struct xk_error *err)
{
    if (mkdir("etc", 0755) == -1 || mkdir("dev", 0755) == -1)
        return xk_fail_errno(err, "make a folder");
    for (size_t i = 0; i < XK_ARRAY_SIZE(system_folders); i++) {
        if (bring_system_piece(system_folders[i], err) == -1)
            return -1;
    }
    for (size_t i = 0; i < XK_ARRAY_SIZE(system_files); i++) {
        if (bring_system_piece(system_files[i], err) == -1)
            return -1;
    }
    return 0;
}

int
xk_storage_enter(const char *place, const struct xk_sandbox_piece *pieces,
                 unsigned count, struct xk_error *err)
{
    if (xk_sandbox_begin_root(place, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
                              "xk-storage", "size=64k,nr_inodes=64,mode=755",
                              err) == -1 ||
        bring_system(err) == -1)
        return -1;
    for (unsigned i = 0; i < count; i++) {
        if (xk_sandbox_put(&pieces[i], err) == -1)
            return -1;
    }
    return xk_sandbox_end_root(err);
}

/* ---- no access to other processes of its user, and no children ---- */

static const struct xk_call_rule forbidden[] = {
    {.call = SCMP_SYS(kill)},
    {.call = SCMP_SYS(tkill)},
    {.call = SCMP_SYS(rt_sigqueueinfo)},
    {.call = SCMP_SYS(rt_tgsigqueueinfo)},
    {.call = SCMP_SYS(pidfd_open)},
    {.call = SCMP_SYS(pidfd_send_signal)},
    {.call = SCMP_SYS(pidfd_getfd)},
    {.call = SCMP_SYS(ptrace)},
    {.call = SCMP_SYS(process_vm_readv)},
    {.call = SCMP_SYS(process_vm_writev)},
    {.call = SCMP_SYS(process_madvise)},
    {.call = SCMP_SYS(perf_event_open)},
    {.call = SCMP_SYS(move_pages)},
    {.call = SCMP_SYS(migrate_pages)},
    {.call = SCMP_SYS(setpriority)},
    {.call = SCMP_SYS(ioprio_set)},
    {.call = SCMP_SYS(sched_setaffinity)},
    {.call = SCMP_SYS(sched_setscheduler)},
    {.call = SCMP_SYS(sched_setparam)},
    {.call = SCMP_SYS(sched_setattr)},
    /* A child could keep the image open when the domain has ended. */
    {.call = SCMP_SYS(fork)},
    {.call = SCMP_SYS(vfork)},
    {SCMP_SYS(clone), 1, {{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0}}},
    {.call = SCMP_SYS(unshare)},
    {.call = SCMP_SYS(setns)},
    /* These make the kernel send signals to other processes. */
    {SCMP_SYS(fcntl), 1, {XK_CALL_IS(1, F_SETOWN)}},
    {SCMP_SYS(fcntl), 1, {XK_CALL_IS(1, F_SETOWN_EX)}},
    {SCMP_SYS(fcntl), 1, {XK_CALL_IS(1, F_SETSIG)}},
    {SCMP_SYS(ioctl), 1, {XK_CALL_IS(1, FIOSETOWN)}},
    {SCMP_SYS(ioctl), 1, {XK_CALL_IS(1, SIOCSPGRP)}},
};

/* The arguments of clone3 are in memory, where a filter cannot see them. glibc
 * makes threads with clone if clone3 returns ENOSYS. */
static const struct xk_call_rule missing[] = {{.call = SCMP_SYS(clone3)}};

static int
forbid(scmp_filter_ctx filter, const void *context)
{
    /* It may signal itself, for abort(), and set only its own limits. */
    const struct xk_call_rule others[] = {
        {SCMP_SYS(tgkill), 1, {SCMP_A0_32(SCMP_CMP_NE, (uint32_t)getpid())}},
        {SCMP_SYS(prlimit64), 1, {SCMP_A0_32(SCMP_CMP_NE, 0)}},
    };
    int rc = xk_call_filter_refuse(filter, EPERM, forbidden,
                                   XK_ARRAY_SIZE(forbidden));

    (void)context;
    if (rc == 0)
        rc =
            xk_call_filter_refuse(filter, EPERM, others, XK_ARRAY_SIZE(others));
    if (rc == 0)
        rc = xk_call_filter_refuse(filter, ENOSYS, missing,
                                   XK_ARRAY_SIZE(missing));
    return rc == 0 ? xk_call_filter_refuse_waits(filter) : rc;
}

/* ---- a user of its own ---- */

/* Keep only CAP_DAC_OVERRIDE, as an ambient capability: a program without file
 * capabilities keeps no other kind. */
static int
keep_only_open(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    uint32_t bit = 1u << CAP_DAC_OVERRIDE;

    data[0] = (struct __user_cap_data_struct){bit, bit, bit};
    if (syscall(SYS_capset, &header, data) == -1)
        return -1;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0);
}

int
xk_storage_drop(uint32_t uid, struct xk_error *err)
{
    if (xk_sandbox_limit(RLIMIT_NOFILE, FILES_MAX, err) == -1 ||
        xk_sandbox_limit(RLIMIT_CORE, 0, err) == -1)
        return -1;
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 || setgroups(0, NULL) == -1 ||
        setresgid(uid, uid, uid) == -1 || setresuid(uid, uid, uid) == -1 ||
        keep_only_open() == -1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        return xk_fail_errno(err, "become user %u", uid);
    if (setresuid(0, 0, 0) == 0)
        return xk_fail(err, XK_ERR_SYSTEM, "could become root again");
    /* Allow all other calls: which ones the program needs depends on its
     * version. */
    return xk_call_filter_load(SCMP_ACT_ALLOW, forbid, NULL, err);
}
