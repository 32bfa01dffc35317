/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"

#include "cli/verbs.h"

const struct xk_command *const xk_commands[] = {
    &xk_command_create,       &xk_command_list,
    &xk_command_console,      &xk_command_vncviewer,
    &xk_command_pause,        &xk_command_unpause,
    &xk_command_shutdown,     &xk_command_reboot,
    &xk_command_reset,        &xk_command_destroy,
    &xk_command_save,         &xk_command_restore,
    &xk_command_migrate,      &xk_command_migrate_receive,
    &xk_command_block_attach, &xk_command_block_detach,
    &xk_command_block_list,   &xk_command_block_resize,
    &xk_command_cd_insert,    &xk_command_cd_eject,
    &xk_command_rename,       &xk_command_domid,
    &xk_command_domname,      &xk_command_check,
    &xk_command_config_keys,  &xk_command_info,
    &xk_command_capabilities, &xk_command_store,
    &xk_command_monitor,      &xk_command_help,
    &xk_command_domain_event, &xk_command_complete,
    &xk_command_manual,       NULL,
};
