/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A terminal in raw mode, that is certain to be put back, and the signals that
 * must not end the process before it is. */
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
    int signal_fd; /* readable when a signal came */
};

/* Catch the signals that end or stop a process, and, where fd is a terminal,
 * make it raw: every byte typed is read as it is. */
int xk_terminal_enter(struct xk_terminal *terminal, int fd,
                      struct xk_error *err);

/* Take a signal that came, as the process would have: it stops (the terminal
 * is as before meanwhile) and later returns 0, or the number of the signal
 * that shall end it, after xk_terminal_leave(). */
int xk_terminal_take_signal(struct xk_terminal *terminal);

/* Put everything back; a second call does nothing. */
void xk_terminal_leave(struct xk_terminal *terminal);

/* The height of the terminal in lines; 24 where it has none. */
int xk_terminal_lines(int fd);

#endif
