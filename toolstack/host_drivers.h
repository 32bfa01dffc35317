/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host: its state directory and its drivers, each opened when a domain or a
 * verb needs it; and which driver owns a record.
 *
 * An existing domain goes by its record, which names its driver. If that driver
 * is not in this build, or cannot run here, nobody may change the record: a
 * warning says so, and the record is left alone.
 */
#ifndef XK_TOOLSTACK_HOST_DRIVERS_H
#define XK_TOOLSTACK_HOST_DRIVERS_H

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/hypervisor.h"

enum {
    XK_HOST_DRIVERS = 4
};

struct xk_recovery;

struct xk_host {
    struct xk_state state;
    const char *wanted; /* the driver that a person named, NULL: none */
    struct xk_hypervisor *drivers[XK_HOST_DRIVERS]; /* those open by now */
    struct xk_hypervisor *preferred; /* xk_host_default(), once it is open */
    const char *verb;                /* who holds locks, for others to read */
    char *program; /* the xk to run as monitor and worker; NULL: none, and
                      policies wait for another process */
    const struct xk_recovery *recovery; /* toolstack/operation.h */
};

/* The driver for new domains; the host closes it. XK_ERR_HOST if it cannot run
 * here. */
struct xk_hypervisor *xk_host_default(struct xk_host *host,
                                      struct xk_error *err);

/* The driver of that name: XK_ERR_UNSUPPORTED if this build has none,
 * XK_ERR_HOST if it cannot run here. */
struct xk_hypervisor *xk_host_driver(struct xk_host *host, const char *name,
                                     struct xk_error *err);

/* The driver that owns the record, with the same errors; XK_ERR_UNSUPPORTED
 * also if the record does not name its driver. */
struct xk_hypervisor *xk_host_driver_of(struct xk_host *host,
                                        const struct xk_record *record,
                                        struct xk_error *err);

/* The tables of all drivers, by number; NULL after the last one. */
const struct xk_hypervisor_ops *xk_host_ops(const struct xk_host *host,
                                            size_t number);

/* The table of the driver that owns the record, without opening the driver:
 * errors as of xk_host_driver_of(), and XK_ERR_NOT_FOUND. */
const struct xk_hypervisor_ops *xk_host_owner(struct xk_host *host,
                                              const struct xk_uuid *uuid,
                                              struct xk_error *err);

/* Warn that a record is left alone; err says why. */
void xk_host_warn_alone(const struct xk_uuid *uuid, const struct xk_error *err);

/* Close the drivers that are open. */
void xk_host_close_drivers(struct xk_host *host);

#endif
