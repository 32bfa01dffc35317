/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/slirp/place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/call_filter.h"
#include "base/util.h"

/* The macros of libseccomp leave a field out. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    FILES_MAX = 1024, /* one for each connection of the guest */
    DATA_MAX = 512 * 1024 * 1024,
    ROOT_FLAGS = MS_NOSUID | MS_NODEV | MS_NOEXEC,
};

static const char resolver[] = "/etc/resolv.conf";

/* ---- files ---- */

static int
restrict_tree(int tree_fd)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY |
                                          MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                          MOUNT_ATTR_NOEXEC};

    return mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr));
}

/* The file itself, wherever a link leads; -1: the host has none. */
static int
take_resolver(int *tree_fd, struct xk_error *err)
{
    int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    int fd = open_tree(AT_FDCWD, resolver, (unsigned)flags);

    if (fd == -1 && errno == ENOENT)
        return 0;
    if (fd == -1 || restrict_tree(fd) == -1)
        return xk_fail_errno(err, "take \"%s\" along", resolver);
    *tree_fd = fd;
    return 0;
}

static int
put_resolver(int tree_fd, struct xk_error *err)
{
    if (tree_fd == -1)
        return 0;
    if (mkdir("etc", 0755) == -1 ||
        mknod("etc/resolv.conf", S_IFREG | 0644, 0) == -1 ||
        move_mount(tree_fd, "", AT_FDCWD, "etc/resolv.conf",
                   MOVE_MOUNT_F_EMPTY_PATH) == -1)
        return xk_fail_errno(err, "mount \"%s\"", resolver);
    close(tree_fd);
    return 0;
}

/* The old root lies on top of the new one for a moment, and is unmounted. */
static int
become_root(struct xk_error *err)
{
    if (syscall(SYS_pivot_root, ".", ".") == -1 ||
        umount2(".", MNT_DETACH) == -1 || chdir("/") == -1 ||
        mount(NULL, "/", NULL,
              MS_REMOUNT | MS_BIND | MS_RDONLY | (unsigned long)ROOT_FLAGS,
              NULL) == -1)
        return xk_fail_errno(err, "change to a root of its own");
    return 0;
}

static int
leave_files(const char *dir, struct xk_error *err)
{
    int tree_fd = -1;

    if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) == -1 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
        return xk_fail_errno(err, "leave the host's namespaces");
    if (take_resolver(&tree_fd, err) == -1)
        return -1;
    if (mount("xk-slirp", dir, "tmpfs", ROOT_FLAGS,
              "size=16k,nr_inodes=16,mode=755") == -1 ||
        chdir(dir) == -1)
        return xk_fail_errno(err, "mount over \"%s\"", dir);
    return put_resolver(tree_fd, err) == 0 ? become_root(err) : -1;
}

/* ---- privileges ---- */

static int
become(uint32_t uid, uint32_t gid, struct xk_error *err)
{
    if (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
        setresuid(uid, uid, uid) == -1)
        return xk_fail_errno(err, "become user %u, group %u", uid, gid);
    if (uid != 0 && setresuid(0, 0, 0) == 0)
        return xk_fail(err, XK_ERR_SYSTEM, "could become root again");
    return 0;
}

static int
limit(int what, rlim_t value, struct xk_error *err)
{
    struct rlimit limits = {value, value};

    if (setrlimit(what, &limits) == -1)
        return xk_fail_errno(err, "set a resource limit");
    return 0;
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
static const int mappings[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};

static int
allow_values(scmp_filter_ctx filter, int call, unsigned argument,
             const uint32_t *values, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        struct scmp_arg_cmp is = XK_CALL_IS(argument, values[i]);

        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &is);
    }
    return rc;
}

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
add_rules(scmp_filter_ctx filter)
{
    int rc = 0;

    for (size_t i = 0; i < XK_ARRAY_SIZE(calls) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    if (rc == 0)
        rc = allow_sockets(filter);
    if (rc == 0)
        rc = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
            SCMP_A2_32(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, 0));
    if (rc == 0)
        rc = allow_values(filter, SCMP_SYS(ioctl), 1, ioctls,
                          XK_ARRAY_SIZE(ioctls));
    if (rc == 0)
        rc = allow_values(filter, SCMP_SYS(fcntl), 1, fcntls,
                          XK_ARRAY_SIZE(fcntls));
    /* abort() ends us, and nobody else. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                              SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));
    /* Memory that can be run is never asked for. */
    for (size_t i = 0; i < XK_ARRAY_SIZE(mappings) && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, mappings[i], 1,
                              SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return rc;
}

int
xk_slirp_enter_place(const char *dir, uint32_t uid, uint32_t gid,
                     struct xk_error *err)
{
    if (limit(RLIMIT_CORE, 0, err) == -1 ||
        limit(RLIMIT_DATA, DATA_MAX, err) == -1 ||
        limit(RLIMIT_NOFILE, FILES_MAX, err) == -1)
        return -1;
    if (geteuid() == 0 &&
        (leave_files(dir, err) == -1 || become(uid, gid, err) == -1))
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        return xk_fail_errno(err, "forbid new privileges");
    /* Not killed: a call that another version of a library makes fails, and
     * the network goes on. */
    return xk_call_filter_load(SCMP_ACT_ERRNO(EPERM), add_rules, err);
}
