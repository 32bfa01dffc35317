/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of domains: the state directory and one record per domain.
 *
 *   RUN/                      0700: /run/xk, $XDG_RUNTIME_DIR/xk or
 *                             XK_STATE_DIR
 *     lock                    held while names are taken and given back
 *     monitor.lock            held by the monitor as long as it lives
 *     monitor.log
 *     domains/UUID/           0700, one record
 *       lock                  held by the verb that changes the domain
 *       hypervisor            the name of its driver
 *       config.json           the resolved configuration; before.json: as it
 * was before the edit under way; next.json: of the domain that takes its place
 *       journal               toolstack/journal.h
 *       ...                   what the driver keeps (its own names)
 *
 *   LIB/                      0700: /var/lib/xk, $XDG_STATE_HOME/xk or
 *                             XK_STATE_DIR/lib; made when first needed
 *     dump/                   memory of crashed domains
 *
 * A record is keyed by UUID, because a reboot changes a domid. Locks are open
 * file description locks: the kernel releases one when the last descriptor of
 * it is closed. A child that is forked while a lock is held holds it too, until
 * it execs or ends.
 */
#ifndef XK_TOOLSTACK_RECORD_H
#define XK_TOOLSTACK_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/process.h"
#include "base/uuid.h"

#define XK_RECORD_DRIVER "hypervisor"

struct xk_state {
    char *run_path; /* absolute */
    char *lib_path; /* absolute */
    int run_fd;
    int domains_fd;
};

struct xk_record {
    const struct xk_state *state;
    struct xk_uuid uuid;
    char uuid_text[XK_UUID_TEXT_SIZE];
    char *path; /* absolute path of the record's directory */
    int dir_fd;
    int lock_fd; /* -1 while not locked */
};

/* Open the state directory; create it if it is missing. It must belong to the
 * caller and must not be shared by all users, as /tmp is, else XK_ERR_HOST. Its
 * mode is set to 0700. */
int xk_state_open(struct xk_state *state, struct xk_error *err);

/* Whether it exists; true also if that cannot be found out. */
bool xk_state_exists(void);

void xk_state_close(struct xk_state *state);

/* Take the lock over names. It is held while a domain's name is checked and its
 * record is made or renamed. Returns a descriptor; closing it releases the
 * lock. */
int xk_state_lock(const struct xk_state *state, struct xk_deadline deadline,
                  struct xk_error *err);

/* List the UUIDs of all records, including those of half-built domains. The
 * caller frees *uuids. */
int xk_state_list(const struct xk_state *state, struct xk_uuid **uuids,
                  size_t *count, struct xk_error *err);

/* Create the record of a domain that `driver` ("xen", "kvm") will have, locked
 * for `verb`; XK_ERR_EXISTS if there is one. The driver of a record never
 * changes. */
struct xk_record *xk_record_create(const struct xk_state *state,
                                   const struct xk_uuid *uuid,
                                   const char *driver, const char *verb,
                                   struct xk_error *err);

/* Open an existing record, not locked; XK_ERR_NOT_FOUND. */
struct xk_record *xk_record_open(const struct xk_state *state,
                                 const struct xk_uuid *uuid,
                                 struct xk_error *err);

/* Lock the record for `verb`. If another verb holds it, wait until the
 * deadline, then fail with XK_ERR_BUSY, naming the holder. XK_ERR_NOT_FOUND if
 * the record was removed meanwhile. */
int xk_record_lock(struct xk_record *record, const char *verb,
                   struct xk_deadline deadline, struct xk_error *err);

/* The same without waiting: 1 locked, 0 held by another, -1 error. */
int xk_record_try_lock(struct xk_record *record, const char *verb,
                       struct xk_error *err);

/* Whether anybody holds the lock. Causes no event for a process that watches
 * the lock file. */
bool xk_record_is_locked(const struct xk_record *record);

/* Whether a process holds the lock for that verb; *process is which. */
bool xk_record_holder(const struct xk_record *record, const char *verb,
                      struct xk_process *process);

/* Whether the process that took the lock has ended, and the lock is still held:
 * by a child that it had forked, which will exec or end in moments. */
bool xk_record_is_left_locked(const struct xk_record *record);

void xk_record_unlock(struct xk_record *record);

/* Whether the directory we have open is still the record of that UUID. A record
 * is removed as a whole, so a file missing in one that is still there was lost.
 */
bool xk_record_is_there(const struct xk_record *record);

/* Give the record another UUID, which must be free. The record is locked. */
int xk_record_rekey(struct xk_record *record, const struct xk_uuid *uuid,
                    struct xk_error *err);

/* Remove records that killed processes left half made or half removed. */
void xk_state_sweep(const struct xk_state *state);

/* Remove the record and everything in it. The record is locked. */
int xk_record_remove(struct xk_record *record, struct xk_error *err);

/* Unlock and free it; the record on disk stays. */
void xk_record_close(struct xk_record *record);
void xk_record_cleanup(struct xk_record **record);
#define XK_CLEANUP_RECORD __attribute__((cleanup(xk_record_cleanup)))

#endif
