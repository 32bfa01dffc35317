/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/uid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/uid.h"

enum {
    PATH_SIZE = 64
};

/* One directory for all state directories. A root of another user namespace is
 * another user. */
static const char folder[] = "/run/xk-uids";

bool
xk_kvm_uid_is_ours(uid_t uid)
{
    return uid >= XK_UID_KVM && uid - XK_UID_KVM < XK_UID_COUNT;
}

/* Only root can create names in /run. */
static int
open_lock(const char *path, struct xk_error *err)
{
    int fd;

    if (mkdir(folder, 0700) == -1 && errno != EEXIST)
        return xk_fail_errno(err, "make \"%s\"", folder);
    fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd == -1 ? xk_fail_errno(err, "open \"%s\"", path) : fd;
}

/* A previous holder may have removed the file that we opened. */
static bool
is_still_there(int fd, const char *path)
{
    struct stat ours, there;

    return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 &&
           ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

static int
lock(const char *path, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = open_lock(path, err);

    if (fd == -1)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == -1 || !is_still_there(fd, path))
        return xk_fail(err, XK_ERR_IN_USE, "\"%s\" is held", path);
    return xk_take_fd(&fd);
}

static void
format_path(uid_t uid, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%u", folder, uid);
}

int
xk_kvm_uid_hold(uid_t uid, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int etc = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char path[PATH_SIZE];
    int held;

    if (etc == -1)
        return xk_fail_errno(err, "open \"/etc\"");
    if (xk_uid_check_nobodys(etc, uid, err) == -1)
        return -1;
    format_path(uid, path);
    held = lock(path, err);
    if (held == -1 || !xk_uid_has_process(uid))
        return held;
    xk_kvm_uid_release(uid, held);
    return xk_fail(err, XK_ERR_IN_USE, "a process runs as user %u", uid);
}

void
xk_kvm_uid_release(uid_t uid, int held)
{
    char path[PATH_SIZE];

    if (held == -1)
        return;
    format_path(uid, path);
    unlink(path);
    close(held);
}
