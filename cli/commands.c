/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"

#include "cli/verbs.h"

const struct xk_command *const xk_commands[] = {
    &xk_command_check,
    &xk_command_help,
    NULL,
};
