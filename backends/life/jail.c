/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lists of system calls that a backend and a flusher may make. seccomp(2)
 * checks numbers and plain arguments only; operations of an io_uring are
 * restricted in backends/worker/loop.c.
 */
#include "backends/life/jail.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/life/device_config.h"
#include "base/call_filter.h"
#include "base/util.h"

/* libseccomp's macros do not initialise every field. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#ifdef XK_WITH_XEN
#include <xenctrl.h>

#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>
#endif

enum {
    FILES_MAX = 256
};

static const int calls[] = {
    /* serving */
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(lseek),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(restart_syscall),
    /* memory */
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(fallocate),
    /* the control socket, the store */
    SCMP_SYS(accept4),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrandom),
    /* ending */
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sched_yield),
};

static const int flusher_calls[] = {
    SCMP_SYS(fdatasync),       SCMP_SYS(poll),         SCMP_SYS(ppoll),
    SCMP_SYS(accept4),         SCMP_SYS(recvfrom),     SCMP_SYS(sendto),
    SCMP_SYS(close),           SCMP_SYS(fstat),        SCMP_SYS(newfstatat),
    SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit_group),
};

static const unsigned long ioctls[] = {
#ifdef XK_WITH_XEN
    IOCTL_GNTDEV_MAP_GRANT_REF,
    IOCTL_GNTDEV_UNMAP_GRANT_REF,
    IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
    IOCTL_GNTDEV_GRANT_COPY,
    IOCTL_EVTCHN_BIND_INTERDOMAIN,
    IOCTL_EVTCHN_UNBIND,
    IOCTL_EVTCHN_NOTIFY,
#endif
};

/* Calls whose third argument is a mapping's protection. mremap is allowed
 * without a check because it keeps the protection; no other call on the list
 * can make memory executable. */
static const int mappings[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};

/* Masks the operation. The remaining bit, IORING_REGISTER_USE_REGISTERED_RING,
 * only says how the ring is named, which is liburing's choice. */
#define REGISTER_OP UINT32_C(0x7fffffff)

/* Memory is pinned and unpinned as a ring connects and disconnects. liburing
 * makes the last call when it closes an io_uring. */
static const uint32_t registers[] = {IORING_REGISTER_BUFFERS,
                                     IORING_UNREGISTER_BUFFERS,
                                     IORING_UNREGISTER_RING_FDS};

/* F_SETOWN and F_SETSIG must not be on the list: with them we could make the
 * kernel send a signal that kills or stops any process of the same user, such
 * as the flusher. */
static const uint32_t fcntls[] = {F_GETFL, F_SETFL};

static int
add_calls(scmp_filter_ctx filter, const struct xk_jail_calls *which)
{
    int rc = 0;

    for (size_t i = 0; i < which->call_count && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, which->calls[i], 0);
    for (size_t i = 0; i < which->ioctl_count && rc == 0; i++)
        rc = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
            SCMP_A1_32(SCMP_CMP_EQ, (uint32_t)which->ioctls[i]));
    return rc;
}

/* For add_rules(), which only gets the filter. */
static const struct xk_jail_calls *calls_of_kind;

static int
add_rules(scmp_filter_ctx filter)
{
    const struct xk_jail_calls of_all = {calls, XK_ARRAY_SIZE(calls), ioctls,
                                         XK_ARRAY_SIZE(ioctls)};
    int rc = add_calls(filter, &of_all);

    if (rc == 0 && calls_of_kind != NULL)
        rc = add_calls(filter, calls_of_kind);
    for (size_t i = 0; i < XK_ARRAY_SIZE(fcntls) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                              SCMP_A1_32(SCMP_CMP_EQ, fcntls[i]));
    /* For abort(), which signals this process only. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                              SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));
    for (size_t i = 0; i < XK_ARRAY_SIZE(registers) && rc == 0; i++)
        rc = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(io_uring_register), 1,
            SCMP_A1_32(SCMP_CMP_MASKED_EQ, REGISTER_OP, registers[i]));
    /* No executable memory. */
    for (size_t i = 0; i < XK_ARRAY_SIZE(mappings) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, mappings[i], 1,
                              SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return rc;
}

static int
add_flusher_rules(scmp_filter_ctx filter)
{
    int rc = 0;

    for (size_t i = 0; i < XK_ARRAY_SIZE(flusher_calls) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, flusher_calls[i], 0);
    return rc;
}

static int
limit(int what, rlim_t value, struct xk_error *err)
{
    struct rlimit limits = {value, value};

    if (setrlimit(what, &limits) == -1)
        return xk_fail_errno(err, "set a resource limit");
    return 0;
}

static int
become(uint32_t uid, uint32_t gid, struct xk_error *err)
{
    if (geteuid() != 0)
        return 0;
    if (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
        setresuid(uid, uid, uid) == -1)
        return xk_fail_errno(err, "become user %u, group %u", uid, gid);
    if (uid != 0 && setresuid(0, 0, 0) == 0)
        return xk_fail(err, XK_ERR_SYSTEM, "could become root again");
    return 0;
}

static int
enter(uint32_t uid, uint32_t gid, int (*add)(scmp_filter_ctx filter),
      struct xk_error *err)
{
    /* Do not lower RLIMIT_NPROC: io_uring's kernel workers count against it. */
    if (limit(RLIMIT_NOFILE, FILES_MAX, err) == -1 ||
        limit(RLIMIT_CORE, 0, err) == -1 || become(uid, gid, err) == -1)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        return xk_fail_errno(err, "forbid new privileges");
    return xk_call_filter_load(SCMP_ACT_KILL_PROCESS, add, err);
}

int
xk_jail_enter(uint32_t uid, uint32_t gid, const struct xk_jail_calls *of_kind,
              struct xk_error *err)
{
    calls_of_kind = of_kind;
    return enter(uid, gid, add_rules, err);
}

int
xk_jail_enter_flusher(void *config, struct xk_error *err)
{
    const struct xk_device_config *device =
        (const struct xk_device_config *)config;

    return enter(device->uid, device->gid, add_flusher_rules, err);
}
