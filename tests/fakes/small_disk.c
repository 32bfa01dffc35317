/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

static bool
write_map(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd != -1 && dprintf(fd, "%s", text) > 0;

    if (fd != -1)
        close(fd);
    return done;
}

/* Make a plain user root, in a user namespace of its own. */
static bool
become_root(void)
{
    XK_CLEANUP_FREE char *uids = xk_asprintf("0 %d 1", (int)geteuid());
    XK_CLEANUP_FREE char *gids = xk_asprintf("0 %d 1", (int)getegid());

    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_map("/proc/self/setgroups", "deny") &&
           write_map("/proc/self/uid_map", uids) &&
           write_map("/proc/self/gid_map", gids);
}

bool
small_disk_can_mount(void)
{
    bool own = geteuid() == 0 ? unshare(CLONE_NEWNS) == 0 : become_root();

    return own && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

void
small_disk_mount(const char *path, size_t bytes)
{
    XK_CLEANUP_FREE char *options = xk_asprintf("size=%zu,mode=700", bytes);

    if ((mkdir(path, 0700) == -1 && errno != EEXIST) ||
        mount("xk-test", path, "tmpfs", 0, options) == -1)
        abort();
}

void
small_disk_unmount(const char *path)
{
    if (umount2(path, MNT_DETACH) == -1)
        abort();
}

static char *
filler(const char *path)
{
    return xk_asprintf("%s/.filler", path);
}

void
small_disk_fill(const char *path, size_t left)
{
    XK_CLEANUP_FREE char *name = filler(path);
    XK_CLEANUP_CLOSE int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct statvfs disk;
    size_t free_bytes;

    if (fd == -1 || statvfs(path, &disk) == -1)
        abort();
    free_bytes = disk.f_bavail * disk.f_frsize;
    if (free_bytes > left &&
        posix_fallocate(fd, 0, (off_t)(free_bytes - left)) != 0)
        abort();
}

void
small_disk_empty(const char *path)
{
    XK_CLEANUP_FREE char *name = filler(path);

    if (unlink(name) == -1)
        abort();
}
