/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of all verbs; each is in the file of its name. */
#ifndef XK_CLI_VERBS_H
#define XK_CLI_VERBS_H

#include "cli/command.h"

extern const struct xk_command xk_command_check;
extern const struct xk_command xk_command_help;

#endif
