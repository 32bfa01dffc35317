/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/root.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ROOT_FLAGS = MS_NOSUID | MS_NODEV | MS_NOEXEC,
};

int
xk_sandbox_take(int fd, const char *path, const char *name, uint64_t attributes,
                struct xk_sandbox_piece *piece, struct xk_error *err)
{
    int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    struct mount_attr attr = {.attr_set = attributes};
    struct stat st;

    *piece = (struct xk_sandbox_piece){.tree_fd = open_tree(fd, path, flags)};
    snprintf(piece->name, sizeof(piece->name), "%s", name);
    if (piece->tree_fd == -1 || fstat(piece->tree_fd, &st) == -1 ||
        mount_setattr(piece->tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) ==
            -1)
        return xk_fail_errno(err, "take \"%s\" along", name);
    piece->is_folder = S_ISDIR(st.st_mode);
    return 0;
}

int
xk_sandbox_begin_root(const char *place, int namespaces, const char *source,
                      const char *options, struct xk_error *err)
{
    if (unshare(CLONE_NEWNS | namespaces) == -1 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
        return xk_fail_errno(err, "leave the host's namespaces");
    if (mount(source, place, "tmpfs", ROOT_FLAGS, options) == -1 ||
        chdir(place) == -1)
        return xk_fail_errno(err, "mount over \"%s\"", place);
    return 0;
}

static int
make_point(const struct xk_sandbox_piece *piece)
{
    return piece->is_folder ? mkdir(piece->name, 0755)
                            : mknod(piece->name, S_IFREG | 0644, 0);
}

int
xk_sandbox_put(const struct xk_sandbox_piece *piece, struct xk_error *err)
{
    if (make_point(piece) == -1)
        return xk_fail_errno(err, "make \"/%s\"", piece->name);
    if (move_mount(piece->tree_fd, "", AT_FDCWD, piece->name,
                   MOVE_MOUNT_F_EMPTY_PATH) == -1)
        return xk_fail_errno(err, "mount \"/%s\"", piece->name);
    return 0;
}

int
xk_sandbox_bring(const char *name, uint64_t attributes, struct xk_error *err)
{
    struct xk_sandbox_piece piece = {.tree_fd = -1};
    char path[sizeof(piece.name) + 1];
    int r;

    snprintf(path, sizeof(path), "/%s", name);
    if (access(path, F_OK) == -1)
        return 0;
    r = xk_sandbox_take(AT_FDCWD, path, name, attributes, &piece, err);
    if (r == 0)
        r = xk_sandbox_put(&piece, err);
    if (piece.tree_fd != -1)
        close(piece.tree_fd);
    return r;
}

/* pivot_root(2) stacks the old root on top of the new one, and umount2(2) then
 * removes it. */
int
xk_sandbox_end_root(struct xk_error *err)
{
    if (syscall(SYS_pivot_root, ".", ".") == -1 ||
        umount2(".", MNT_DETACH) == -1 || chdir("/") == -1 ||
        mount(NULL, "/", NULL,
              MS_REMOUNT | MS_BIND | MS_RDONLY | (unsigned long)ROOT_FLAGS,
              NULL) == -1)
        return xk_fail_errno(err, "change to a root of its own");
    return 0;
}
