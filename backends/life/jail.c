/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lists of system calls that a backend and a flusher may make. seccomp(2)
 * checks numbers and plain arguments only; operations of an io_uring are
 * restricted in backends/worker/loop.c.
 */
#include "backends/life/jail.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "backends/life/device_config.h"
#include "base/call_filter.h"
#include "base/util.h"
#include "sandbox/user.h"

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
    int rc = xk_call_filter_allow(filter, which->calls, which->call_count);

    for (size_t i = 0; i < which->ioctl_count && rc == 0; i++)
        rc = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
            SCMP_A1_32(SCMP_CMP_EQ, (uint32_t)which->ioctls[i]));
    return rc;
}

/* context: the struct xk_jail_calls of the kind, or NULL. */
static int
add_rules(scmp_filter_ctx filter, const void *context)
{
    const struct xk_jail_calls of_all = {calls, XK_ARRAY_SIZE(calls), ioctls,
                                         XK_ARRAY_SIZE(ioctls)};
    const struct xk_jail_calls *of_kind = (const struct xk_jail_calls *)context;
    int rc = add_calls(filter, &of_all);

    if (rc == 0 && of_kind != NULL)
        rc = add_calls(filter, of_kind);
    if (rc == 0)
        rc = xk_call_filter_allow_values(filter, SCMP_SYS(fcntl), 1, fcntls,
                                         XK_ARRAY_SIZE(fcntls));
    for (size_t i = 0; i < XK_ARRAY_SIZE(registers) && rc == 0; i++)
        rc = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(io_uring_register), 1,
            SCMP_A1_32(SCMP_CMP_MASKED_EQ, REGISTER_OP, registers[i]));
    return rc == 0 ? xk_call_filter_allow_basics(filter) : rc;
}

static int
add_flusher_rules(scmp_filter_ctx filter, const void *context)
{
    (void)context;
    return xk_call_filter_allow(filter, flusher_calls,
                                XK_ARRAY_SIZE(flusher_calls));
}

static int
enter(uint32_t uid, uint32_t gid,
      int (*add)(scmp_filter_ctx filter, const void *context),
      const void *context, struct xk_error *err)
{
    /* Do not lower RLIMIT_NPROC: io_uring's kernel workers count against it. */
    if (xk_sandbox_limit(RLIMIT_NOFILE, FILES_MAX, err) == -1 ||
        xk_sandbox_limit(RLIMIT_CORE, 0, err) == -1 ||
        xk_sandbox_become(uid, gid, err) == -1)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        return xk_fail_errno(err, "forbid new privileges");
    return xk_call_filter_load(SCMP_ACT_KILL_PROCESS, add, context, err);
}

int
xk_jail_enter(uint32_t uid, uint32_t gid, const struct xk_jail_calls *of_kind,
              struct xk_error *err)
{
    return enter(uid, gid, add_rules, of_kind, err);
}

int
xk_jail_enter_flusher(void *config, struct xk_error *err)
{
    const struct xk_device_config *device =
        (const struct xk_device_config *)config;

    return enter(device->uid, device->gid, add_flusher_rules, NULL, err);
}
