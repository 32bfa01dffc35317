/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/logs.h"
#include "toolstack/kvm/state.h"
#include "toolstack/kvm/watch.h"

enum {
    KEEP_CONSOLE = 512 * 1024, /* bytes of history */
    KEEP_QEMU_LOG = 64 * 1024,
};

static int
open_log(int dirfd, struct xk_error *err)
{
    int fd =
        openat(dirfd, XK_KVM_FILE_CONSOLE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1)
        return xk_fail_errno(err, "open \"%s\"", XK_KVM_FILE_CONSOLE);
    lseek(fd, xk_kvm_log_start(fd), SEEK_SET);
    return fd;
}

/* Opened without waiting: where QEMU is gone, nobody reads (ENXIO). */
static int
open_input(int dirfd, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct stat st;

    fd = openat(dirfd, XK_KVM_FOLDER "/" XK_KVM_FIFO,
                O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1 && errno == ENXIO)
        return xk_fail(err, XK_ERR_STATE, "its QEMU does not run");
    if (fd == -1)
        return xk_fail_errno(err, "open the console's input");
    if (fstat(fd, &st) == -1 || !S_ISFIFO(st.st_mode))
        return xk_fail(err, XK_ERR_PROTOCOL, "the console's input is no pipe");
    return xk_take_fd(&fd);
}

static int
open_change(int log_fd, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", log_fd);
    if (fd == -1 || inotify_add_watch(fd, path, IN_MODIFY) == -1)
        return xk_fail_errno(err, "watch \"%s\"", XK_KVM_FILE_CONSOLE);
    return xk_take_fd(&fd);
}

static int
open_end(int dirfd, struct xk_error *err)
{
    struct xk_process process;
    int fd;

    if (xk_kvm_identity_load(dirfd, &process, NULL, err) == -1)
        return -1;
    fd = xk_process_open(&process);
    if (fd == -1)
        return xk_fail(err, XK_ERR_STATE, "its QEMU does not run");
    return fd;
}

int
xk_kvm_console(struct xk_hypervisor *hv, const struct xk_domain *domain,
               unsigned number, struct xk_console *console,
               struct xk_error *err)
{
    XK_CLEANUP_CLOSE int log_fd = -1;
    XK_CLEANUP_CLOSE int input_fd = -1;
    XK_CLEANUP_CLOSE int change_fd = -1;
    int dirfd, end_fd;

    (void)hv;
    if (number != 0)
        return xk_fail(err, XK_ERR_NOT_FOUND,
                       "no console %u: a KVM domain has one, 0", number);
    dirfd = xk_kvm_dir(domain, err);
    if (dirfd == -1)
        return -1;
    log_fd = open_log(dirfd, err);
    if (log_fd == -1)
        return -1;
    input_fd = open_input(dirfd, err);
    if (input_fd == -1)
        return -1;
    change_fd = open_change(log_fd, err);
    if (change_fd == -1)
        return -1;
    end_fd = open_end(dirfd, err);
    if (end_fd == -1)
        return -1;
    *console = (struct xk_console){.log_fd = xk_take_fd(&log_fd),
                                   .input_fd = xk_take_fd(&input_fd),
                                   .output_fd = -1,
                                   .change_fd = xk_take_fd(&change_fd),
                                   .end_fd = end_fd};
    return 0;
}

void
xk_kvm_trim(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(hv->state, uuid, NULL);

    if (record == NULL)
        return;
    xk_kvm_log_trim(record->dir_fd, XK_KVM_FILE_CONSOLE, KEEP_CONSOLE);
    xk_kvm_log_trim(record->dir_fd, XK_KVM_FILE_QEMU_LOG, KEEP_QEMU_LOG);
    xk_kvm_events_trim(record->dir_fd);
    xk_kvm_look_again(hv, record);
}
