/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Put a terminal into raw mode so that it is always restored, and catch the
 * signals that must not end the process before that. */
#ifndef XK_CLI_TERMINAL_H
#define XK_CLI_TERMINAL_H

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

#include "base/error.h"

struct xk_terminal {
    int fd;
    bool is_raw;
    struct termios before;
    sigset_t mask_before;
    int signal_fd; /* readable when a signal is pending */
};

/* Catch the signals that end or stop a process and, if fd is a terminal, make
 * it raw: every typed byte is read unchanged. */
int xk_terminal_enter(struct xk_terminal *terminal, int fd,
                      struct xk_error *err);

/* Handle one pending signal as the process would have. SIGTSTP stops the
 * process, with the terminal restored meanwhile. Returns 0 when the process
 * continues; otherwise the number of the signal, with which the caller ends the
 * process after xk_terminal_leave(). */
int xk_terminal_take_signal(struct xk_terminal *terminal);

/* Restore terminal and signals; a second call does nothing. */
void xk_terminal_leave(struct xk_terminal *terminal);

/* Return the height of the terminal in lines; 24 if it is not known. */
int xk_terminal_lines(int fd);

#endif
