/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of all verbs, from the files of cli/verb. */
#ifndef XK_CLI_VERBS_H
#define XK_CLI_VERBS_H

#include "cli/command.h"

extern const struct xk_command xk_command_block_attach;
extern const struct xk_command xk_command_block_detach;
extern const struct xk_command xk_command_block_list;
extern const struct xk_command xk_command_block_resize;
extern const struct xk_command xk_command_capabilities;
extern const struct xk_command xk_command_cd_eject;
extern const struct xk_command xk_command_cd_insert;
extern const struct xk_command xk_command_check;
extern const struct xk_command xk_command_complete;
extern const struct xk_command xk_command_config_keys;
extern const struct xk_command xk_command_console;
extern const struct xk_command xk_command_create;
extern const struct xk_command xk_command_destroy;
extern const struct xk_command xk_command_domain_event;
extern const struct xk_command xk_command_domid;
extern const struct xk_command xk_command_domname;
extern const struct xk_command xk_command_help;
extern const struct xk_command xk_command_info;
extern const struct xk_command xk_command_list;
extern const struct xk_command xk_command_manual;
extern const struct xk_command xk_command_migrate;
extern const struct xk_command xk_command_migrate_receive;
extern const struct xk_command xk_command_monitor;
extern const struct xk_command xk_command_network_attach;
extern const struct xk_command xk_command_network_detach;
extern const struct xk_command xk_command_network_list;
extern const struct xk_command xk_command_pause;
extern const struct xk_command xk_command_reboot;
extern const struct xk_command xk_command_rename;
extern const struct xk_command xk_command_reset;
extern const struct xk_command xk_command_restore;
extern const struct xk_command xk_command_save;
extern const struct xk_command xk_command_shutdown;
extern const struct xk_command xk_command_store;
extern const struct xk_command xk_command_unpause;
extern const struct xk_command xk_command_vncviewer;

#endif
