/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial console of a domain. Everything the guest prints ends up in
 * console.log, which any reader brings up to date (toolstack/kvm/logs.h).
 * Everything written to the FIFO is typed into the guest. So users connect and
 * disconnect as they like, with no process in between. There is one console,
 * the first serial port: a virtio console has no speed limit and could fill the
 * host's memory through its log.
 */
#include "toolstack/kvm/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/process.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/logs.h"
#include "toolstack/kvm/status.h"

/* Where the record's log gets new output from. */
struct source {
    int dir_fd; /* the record's directory */
    struct xk_kvm_live live;
};

static void
fetch(void *context)
{
    struct source *source = context;

    (void)xk_kvm_log_gather(source->dir_fd, XK_KVM_LOG_CONSOLE, &source->live);
}

static void
end_source(void *context)
{
    struct source *source = context;

    xk_kvm_live_close(&source->live);
    close(source->dir_fd);
    free(source);
}

static int
open_source(int dirfd, struct xk_console *console, struct xk_error *err)
{
    struct source *source;
    int dir_fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);

    if (dir_fd == -1)
        return xk_fail_errno(err, "open the record");
    source = XK_NEW(struct source);
    source->dir_fd = dir_fd;
    source->live = xk_kvm_live_of(dirfd, XK_KVM_LOG_CONSOLE);
    console->source = source;
    console->log_cut = XK_KVM_LOG_CUT;
    console->fetch = fetch;
    console->end = end_source;
    fetch(source);
    return 0;
}

/* The log of a QEMU that an older xk started begins with a hole. */
static int
open_log(int dirfd, struct xk_error *err)
{
    int fd =
        openat(dirfd, XK_KVM_FILE_CONSOLE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1)
        return xk_fail_errno(err, "open \"%s\"", XK_KVM_FILE_CONSOLE);
    (void)lseek(fd, 0, SEEK_DATA);
    return fd;
}

/* Open without waiting: if QEMU has ended, nobody reads the FIFO (ENXIO). */
static int
open_input(int dirfd, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct stat st;

    fd = openat(dirfd, XK_KVM_FOLDER "/" XK_KVM_FIFO,
                O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1 && errno == ENXIO)
        return xk_fail(err, XK_ERR_STATE, "its QEMU is not running");
    if (fd == -1)
        return xk_fail_errno(err, "open the console's input");
    if (fstat(fd, &st) == -1 || !S_ISFIFO(st.st_mode))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the console's input is not a pipe");
    return xk_take_fd(&fd);
}

/* Watch both ends of gathering: the record's log, in case the monitor gathers
 * first, and QEMU's memory. */
static int
open_change(const struct xk_console *console, struct xk_error *err)
{
    const struct source *source = console->source;
    XK_CLEANUP_CLOSE int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", console->log_fd);
    if (fd == -1 || inotify_add_watch(fd, path, IN_MODIFY) == -1 ||
        (source->live.fd != -1 &&
         xk_kvm_live_watch(&source->live, fd, IN_MODIFY) == -1))
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
        return xk_fail(err, XK_ERR_STATE, "its QEMU is not running");
    return fd;
}

static int
open_all(int dirfd, struct xk_console *console, struct xk_error *err)
{
    if (open_source(dirfd, console, err) == -1)
        return -1;
    console->log_fd = open_log(dirfd, err);
    if (console->log_fd == -1)
        return -1;
    console->input_fd = open_input(dirfd, err);
    if (console->input_fd == -1)
        return -1;
    console->change_fd = open_change(console, err);
    if (console->change_fd == -1)
        return -1;
    console->end_fd = open_end(dirfd, err);
    return console->end_fd == -1 ? -1 : 0;
}

int
xk_kvm_console(struct xk_hypervisor *hv, const struct xk_domain *domain,
               unsigned number, struct xk_console *console,
               struct xk_error *err)
{
    int dirfd;

    (void)hv;
    *console = XK_CONSOLE_NONE;
    if (number != 0)
        return xk_fail(err, XK_ERR_NOT_FOUND,
                       "no console %u: a KVM domain has one, 0", number);
    dirfd = xk_kvm_dir(domain, err);
    if (dirfd == -1)
        return -1;
    if (open_all(dirfd, console, err) == 0)
        return 0;
    xk_console_close(console);
    return -1;
}
