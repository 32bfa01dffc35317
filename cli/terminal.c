/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/util.h"

/* Signals that would end or stop this process while the terminal is raw. */
static const int caught[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};

static void
make_raw(struct xk_terminal *terminal)
{
    struct termios raw;

    if (tcgetattr(terminal->fd, &terminal->before) == -1)
        return; /* not a terminal */
    raw = terminal->before;
    cfmakeraw(&raw);
    terminal->is_raw = tcsetattr(terminal->fd, TCSANOW, &raw) == 0;
}

static void
make_cooked(struct xk_terminal *terminal)
{
    if (terminal->is_raw)
        tcsetattr(terminal->fd, TCSADRAIN, &terminal->before);
    terminal->is_raw = false;
}

int
xk_terminal_enter(struct xk_terminal *terminal, int fd, struct xk_error *err)
{
    sigset_t set;

    terminal->fd = fd;
    terminal->is_raw = false;
    sigemptyset(&set);
    for (size_t i = 0; i < XK_ARRAY_SIZE(caught); i++)
        sigaddset(&set, caught[i]);
    sigprocmask(SIG_BLOCK, &set, &terminal->mask_before);
    terminal->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal->signal_fd == -1) {
        xk_fail_errno(err, "signalfd");
        sigprocmask(SIG_SETMASK, &terminal->mask_before, NULL);
        return -1;
    }
    make_raw(terminal);
    return 0;
}

int
xk_terminal_take_signal(struct xk_terminal *terminal)
{
    struct signalfd_siginfo info;

    if (read(terminal->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    if (info.ssi_signo != SIGTSTP)
        return (int)info.ssi_signo;
    make_cooked(terminal);
    raise(SIGSTOP);
    make_raw(terminal);
    return 0;
}

void
xk_terminal_leave(struct xk_terminal *terminal)
{
    make_cooked(terminal);
    if (terminal->signal_fd == -1)
        return;
    close(terminal->signal_fd);
    terminal->signal_fd = -1;
    sigprocmask(SIG_SETMASK, &terminal->mask_before, NULL);
}

int
xk_terminal_lines(int fd)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) == -1 || size.ws_row == 0)
        return 24;
    return size.ws_row;
}
