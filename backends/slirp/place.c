/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/slirp/place.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/call_filter.h"
#include "base/util.h"
#include "sandbox/root.h"
#include "sandbox/user.h"

/* The macros of libseccomp leave a field out. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    FILES_MAX = 1024, /* one for each connection of the guest */
    DATA_MAX = 512 * 1024 * 1024,
};

/* The list of name servers: the file itself, wherever a link leads. */
static int
bring_resolver(struct xk_error *err)
{
    if (mkdir("etc", 0755) == -1)
        return xk_fail_errno(err, "make \"/etc\"");
    return xk_sandbox_bring("etc/resolv.conf",
                            MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                            err);
}

static int
leave_files(const char *dir, struct xk_error *err)
{
    if (xk_sandbox_begin_root(dir, CLONE_NEWIPC | CLONE_NEWUTS, "xk-slirp",
                              "size=16k,nr_inodes=16,mode=755", err) == -1 ||
        bring_resolver(err) == -1)
        return -1;
    return xk_sandbox_end_root(err);
}

/* ---- system calls ---- */

static const int calls[] = {
    /* connections of the guest */
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(bind),
    SCMP_SYS(close),
    SCMP_SYS(connect),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockname),
    SCMP_SYS(getsockopt),
    SCMP_SYS(listen),
    SCMP_SYS(read),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown),
    SCMP_SYS(write),
    /* waiting */
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    /* the list of name servers */
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    /* memory */
    SCMP_SYS(brk),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(futex),
    SCMP_SYS(getrandom),
    /* the log: base/log.h */
    SCMP_SYS(fallocate),
    /* ending */
    SCMP_SYS(exit_group),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
};

/* Families of sockets: with a unix socket it could reach programs of the host,
 * with a packet socket other guests. */
static const uint32_t families[] = {AF_INET, AF_INET6};
/* Of the type, without SOCK_CLOEXEC and SOCK_NONBLOCK. */
#define SOCKET_TYPES UINT32_C(0xf)
static const uint32_t types[] = {SOCK_STREAM, SOCK_DGRAM};
static const uint32_t ioctls[] = {FIONBIO, FIONREAD};
static const uint32_t fcntls[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD,
                                  F_DUPFD_CLOEXEC};
static int
allow_sockets(scmp_filter_ctx filter)
{
    int rc = 0;

    for (size_t i = 0; i < XK_ARRAY_SIZE(families) && rc == 0; i++) {
        for (size_t j = 0; j < XK_ARRAY_SIZE(types) && rc == 0; j++)
            rc = seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                SCMP_A0_32(SCMP_CMP_EQ, families[i]),
                SCMP_A1_32(SCMP_CMP_MASKED_EQ, SOCKET_TYPES, types[j]));
    }
    return rc;
}

static int
add_rules(scmp_filter_ctx filter, const void *context)
{
    int rc = xk_call_filter_allow(filter, calls, XK_ARRAY_SIZE(calls));

    (void)context;
    if (rc == 0)
        rc = allow_sockets(filter);
    if (rc == 0)
        rc = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
            SCMP_A2_32(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, 0));
    if (rc == 0)
        rc = xk_call_filter_allow_values(filter, SCMP_SYS(ioctl), 1, ioctls,
                                         XK_ARRAY_SIZE(ioctls));
    if (rc == 0)
        rc = xk_call_filter_allow_values(filter, SCMP_SYS(fcntl), 1, fcntls,
                                         XK_ARRAY_SIZE(fcntls));
    return rc == 0 ? xk_call_filter_allow_basics(filter) : rc;
}

int
xk_slirp_enter_place(const char *dir, uint32_t uid, uint32_t gid,
                     struct xk_error *err)
{
    if (xk_sandbox_limit(RLIMIT_CORE, 0, err) == -1 ||
        xk_sandbox_limit(RLIMIT_DATA, DATA_MAX, err) == -1 ||
        xk_sandbox_limit(RLIMIT_NOFILE, FILES_MAX, err) == -1 ||
        (geteuid() == 0 && leave_files(dir, err) == -1) ||
        xk_sandbox_become(uid, gid, err) == -1)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        return xk_fail_errno(err, "forbid new privileges");
    /* Not killed: a call that another version of a library makes fails, and
     * the network goes on. */
    return xk_call_filter_load(SCMP_ACT_ERRNO(EPERM), add_rules, NULL, err);
}
