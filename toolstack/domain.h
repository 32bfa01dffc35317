/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done to domains: every operation once, for all hypervisors. The
 * verbs of the command line call these and print.
 *
 * An operation locks the domain's record, writes the journal around its
 * effects, and on failure undoes what it did. xk_host_open() first finishes or
 * undoes what killed ones left.
 *
 * A host has several drivers, each opened when a domain or a verb needs it. An
 * existing domain goes by its record, which says whose it is. A record whose
 * driver is not in this build, or cannot run here, is nobody's to change: it is
 * told, and left alone.
 */
#ifndef XK_TOOLSTACK_DOMAIN_H
#define XK_TOOLSTACK_DOMAIN_H

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/seam/domain_ops.h"

enum {
    XK_HOST_DRIVERS = 4
};

struct xk_host {
    struct xk_state state;
    const char *wanted; /* the driver that a person named, NULL: none */
    struct xk_hypervisor *drivers[XK_HOST_DRIVERS]; /* those open by now */
    struct xk_hypervisor *preferred; /* xk_host_default(), once it is open */
    const char *verb;                /* who holds locks, for others to read */
    char *program; /* the xk to run as monitor and worker; NULL: none, and
                      policies wait for another process */
};

/* Open the state directory, recover what killed verbs left, and see to it that
 * a monitor runs if there are domains. New domains are those of the driver
 * called `hypervisor` (NULL: the best here), and where one is named, lists are
 * of its domains only. hypervisor and verb must outlive the host. */
int xk_host_open(struct xk_host *host, const char *hypervisor, const char *verb,
                 struct xk_deadline deadline, struct xk_error *err);
void xk_host_close(struct xk_host *host);

/* The same without recovery and without a monitor: for a look that changes
 * nothing. */
int xk_host_peek(struct xk_host *host, const char *hypervisor,
                 struct xk_error *err);

/* The same with a driver that is open already (on host->state, which the
 * caller opened) and is the one named, and no monitor. The host owns both from
 * here on. */
int xk_host_adopt(struct xk_host *host, struct xk_hypervisor *hv,
                  const char *verb, struct xk_deadline deadline,
                  struct xk_error *err);

/* The driver for new domains; what the host closes. XK_ERR_HOST where it cannot
 * run here. */
struct xk_hypervisor *xk_host_default(struct xk_host *host,
                                      struct xk_error *err);

/* The driver of that name: XK_ERR_UNSUPPORTED where this build has none,
 * XK_ERR_HOST where it cannot run here. */
struct xk_hypervisor *xk_host_driver(struct xk_host *host, const char *name,
                                     struct xk_error *err);

/* The driver whose domain the record is, the same; XK_ERR_UNSUPPORTED also
 * where the record does not tell. */
struct xk_hypervisor *xk_host_driver_of(struct xk_host *host,
                                        const struct xk_record *record,
                                        struct xk_error *err);

/* The domain that a person names by name, UUID or domid, of whichever driver:
 * XK_ERR_NOT_FOUND; XK_ERR_USAGE where several domains are called so, and the
 * driver that was named does not decide. Free with xk_domain_close(). */
int xk_domain_find(struct xk_host *host, const char *what,
                   struct xk_domain *domain, struct xk_deadline deadline,
                   struct xk_error *err);
void xk_domain_close(struct xk_domain *domain);

/* The domain of that record, exactly: XK_ERR_NOT_FOUND. */
int xk_domain_open(struct xk_host *host, const struct xk_uuid *uuid,
                   struct xk_domain *domain, struct xk_error *err);

/* The domain that a list tells of. XK_ERR_NOT_FOUND where it went. */
int xk_domain_take(struct xk_host *host, const struct xk_domain_info *info,
                   struct xk_domain *domain, struct xk_error *err);

/* All domains with their states, or those of the driver that was named; in the
 * order they were made. */
int xk_domain_list(struct xk_host *host, struct xk_domain_list *list,
                   struct xk_deadline deadline, struct xk_error *err);
int xk_domain_get(struct xk_host *host, const struct xk_domain *domain,
                  struct xk_domain_info *info, struct xk_deadline deadline,
                  struct xk_error *err);

/* Make a domain; it runs at the end, or is paused if so asked. *domain is open
 * at the end. XK_ERR_EXISTS: the name or UUID is taken. */
int xk_domain_create(struct xk_host *host,
                     const struct xk_domain_config *config, bool paused,
                     struct xk_domain *domain, struct xk_deadline deadline,
                     struct xk_error *err);

int xk_domain_destroy(struct xk_host *host, struct xk_domain *domain,
                      struct xk_deadline deadline, struct xk_error *err);
int xk_domain_pause(struct xk_host *host, struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);
int xk_domain_unpause(struct xk_host *host, struct xk_domain *domain,
                      struct xk_deadline deadline, struct xk_error *err);
int xk_domain_signal(struct xk_host *host, struct xk_domain *domain,
                     enum xk_signal signal, bool acpi_fallback,
                     struct xk_deadline deadline, struct xk_error *err);
int xk_domain_reset(struct xk_host *host, struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);
int xk_domain_rename(struct xk_host *host, struct xk_domain *domain,
                     const char *name, struct xk_deadline deadline,
                     struct xk_error *err);

enum xk_wait_for {
    XK_WAIT_STOPPED,   /* stopped by itself, rebooted, or gone */
    XK_WAIT_DESTROYED, /* gone */
    XK_WAIT_REBOOTED,  /* started again since the call of xk_domain_signal() */
};

/* Wait for it. reason may be NULL; it is set where the domain stopped. */
int xk_domain_wait(struct xk_host *host, struct xk_domain *domain,
                   enum xk_wait_for what, enum xk_stop_reason *reason,
                   struct xk_deadline deadline, struct xk_error *err);

/* Carry out the policy (on_poweroff= ...) of a domain that has stopped; does
 * nothing where it has not. The monitor's workers call this. */
int xk_domain_apply_policy(struct xk_host *host, struct xk_domain *domain,
                           struct xk_deadline deadline, struct xk_error *err);

#endif
