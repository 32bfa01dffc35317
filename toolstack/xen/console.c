/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consoles. xenconsoled makes a pseudo terminal for each PV console, and QEMU
 * one for each serial port of an HVM guest; xenstore names them. A terminal can
 * have only one reader at a time. So if xenconsoled logs guests (--log=guest),
 * we read the log instead: it contains the history, and several people can read
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/ops.h"
#include "xenstore-helpers/paths.h"

enum {
    TTY_MS = 10000 /* for xenconsoled or QEMU to make it */
};

/* ---- the terminal ---- */

/* Open only a pseudo terminal, whatever path xenstore names. */
static int
open_tty(const char *path, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct termios attributes;

    if (strncmp(path, "/dev/pts/", 9) != 0 || strstr(path, "..") != NULL)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "its console \"%s\" is not a pseudo terminal", path);
    fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1 || tcgetattr(fd, &attributes) == -1)
        return xk_fail_errno(err, "open \"%s\"", path);
    cfmakeraw(&attributes);
    if (tcsetattr(fd, TCSANOW, &attributes) == -1)
        return xk_fail_errno(err, "set up \"%s\"", path);
    return xk_take_fd(&fd);
}

/* The node appears once the terminal exists. */
static int
await_tty(struct xk_xen *xen, const char *path, struct xk_buf *tty,
          struct xk_deadline deadline, struct xk_error *err)
{
    static const char token[] = "tty";
    int r = xk_store_watch(xen->store, path, token,
                           xk_xen_store_deadline(deadline), err);

    while (r == 0) {
        XK_CLEANUP_STORE_EVENT struct xk_store_event event = {0};
        struct xk_error why = {0};

        tty->length = 0;
        if (xk_store_read(xen->store, XK_STORE_NO_TX, path, PATH_MAX, tty,
                          xk_xen_store_deadline(deadline), &why) == 0 &&
            tty->length > 0)
            break;
        if (why.kind != XK_ERR_FAILED && why.kind != XK_ERR_NOT_FOUND) {
            *err = why;
            r = -1;
            break;
        }
        r = xk_store_wait_event(xen->store, &event, deadline, err);
    }
    xk_store_unwatch(xen->store, path, token, xk_xen_store_deadline(deadline),
                     NULL);
    return r;
}

/* An HVM guest's first console is its serial port, if it has one. */
static char *
tty_path(struct xk_xen *xen, const struct xk_xen_domain *domain,
         unsigned number)
{
    XK_CLEANUP_FREE char *serial = xk_path_serial_tty(domain->domid);
    XK_CLEANUP_BUF struct xk_buf value = {0};
    struct xk_deadline deadline = xk_deadline_in_ms(XK_XEN_STORE_MS);

    if (domain->type == XK_TYPE_HVM && number == 0 &&
        xk_store_read(xen->store, XK_STORE_NO_TX, serial, PATH_MAX, &value,
                      deadline, NULL) == 0)
        return XK_TAKE(serial);
    return xk_path_console_tty(domain->domid, number);
}

/* ---- the log ---- */

/* The path is the one of Debian's xenconsoled and of xencommons by default. */
static int
open_log(const char *name)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("/var/log/xen/console/guest-%s.log", name);
    XK_CLEANUP_CLOSE int fd = -1;
    struct stat st;

    if (strchr(name, '/') != NULL)
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
        return -1;
    return xk_take_fd(&fd);
}

static int
watch_log(int log_fd)
{
    char path[32];
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    snprintf(path, sizeof(path), "/proc/self/fd/%d", log_fd);
    if (fd != -1 && inotify_add_watch(fd, path, IN_MODIFY) == -1) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* With a log, the terminal is used for input only. */
static void
use_log(const struct xk_domain *domain, struct xk_console *console)
{
    if (domain->name == NULL)
        return;
    console->log_fd = open_log(domain->name);
    if (console->log_fd == -1)
        return;
    console->change_fd = watch_log(console->log_fd);
    if (console->change_fd == -1) {
        close(xk_take_fd(&console->log_fd));
        return;
    }
    close(xk_take_fd(&console->output_fd));
}

/* ---- the end ---- */

/* Returns the descriptor of a xenstore connection of its own, on which only the
 * removal of the domain's node is watched: it becomes readable then. */
static int
open_end(unsigned domid, struct xk_error *err)
{
    struct xk_deadline deadline = xk_deadline_in_ms(XK_XEN_STORE_MS);
    XK_CLEANUP_FREE char *path = xk_path_domain_vm(domid);
    XK_CLEANUP_STORE struct xk_store *store =
        xk_store_open(NULL, deadline, err);
    XK_CLEANUP_STORE_EVENT struct xk_store_event first = {0};
    int fd;

    if (store == NULL ||
        xk_store_watch(store, path, "end", deadline, err) == -1 ||
        xk_store_wait_event(store, &first, deadline, err) == -1)
        return -1;
    fd = fcntl(xk_store_fd(store), F_DUPFD_CLOEXEC, 0);
    return fd == -1 ? xk_fail_errno(err, "dup") : fd;
}

int
xk_xen_console(struct xk_hypervisor *hv, const struct xk_domain *domain,
               unsigned number, struct xk_console *console,
               struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_deadline deadline = xk_deadline_in_ms(TTY_MS);
    XK_CLEANUP_FREE char *path = NULL;
    XK_CLEANUP_BUF struct xk_buf tty = {0};
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1 ||
        xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    path = tty_path(xen, &found, number);
    if (await_tty(xen, path, &tty, deadline, err) == -1)
        return xk_wrap(err, "wait for console %u", number);
    *console = XK_CONSOLE_NONE;
    console->input_fd = open_tty(tty.data != NULL ? tty.data : "", err);
    if (console->input_fd == -1)
        return -1;
    console->output_fd = fcntl(console->input_fd, F_DUPFD_CLOEXEC, 0);
    if (number == 0 && found.type != XK_TYPE_HVM)
        use_log(domain, console);
    console->end_fd = open_end(found.domid, err);
    if (console->end_fd != -1)
        return 0;
    xk_console_close(console);
    return -1;
}
