/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configurations in a record: its own, the one before an edit, and that of
 * its successor. */
#ifndef XK_TOOLSTACK_RECORD_CONFIG_H
#define XK_TOOLSTACK_RECORD_CONFIG_H

#include "toolstack/config/domain_config.h"
#include "toolstack/record.h"

/* The configuration as it was resolved, with later edits (rename, disks). */
struct xk_domain_config *xk_record_load_config(const struct xk_record *record,
                                               struct xk_error *err);
int xk_record_save_config(const struct xk_record *record,
                          const struct xk_domain_config *config,
                          struct xk_error *err);

/* While an edit is under way: the configuration as it was before. keep notes
 * it, restore makes it the record's own again, in one step that needs no room
 * on the file system, and drop forgets it. restore returns 1, or 0 if none is
 * kept. */
int xk_record_keep_config(const struct xk_record *record, struct xk_error *err);
int xk_record_restore_config(const struct xk_record *record,
                             struct xk_error *err);
void xk_record_drop_kept_config(const struct xk_record *record);

/* The configuration of the domain that replaces this one by rename-restart
 * (toolstack/policy.c), until that is done. */
bool xk_record_has_next(const struct xk_record *record);
struct xk_domain_config *xk_record_load_next(const struct xk_record *record,
                                             struct xk_error *err);
int xk_record_save_next(const struct xk_record *record,
                        const struct xk_domain_config *config,
                        struct xk_error *err);
void xk_record_drop_next(const struct xk_record *record);

#endif
