/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done to domains: every operation once, for all hypervisors. The
 * verbs of the command line call these and print.
 *
 * An operation locks the domain's record, writes the journal around its
 * effects, and on failure undoes what it did. xk_host_open() first finishes or
 * undoes what killed ones left.
 */
#ifndef XK_TOOLSTACK_DOMAIN_H
#define XK_TOOLSTACK_DOMAIN_H

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/hypervisor.h"

struct xk_host {
    struct xk_state state;
    struct xk_hypervisor *hv;
    const char *verb; /* who holds locks, for others to read */
    char *program;    /* the xk to run as monitor and worker; NULL: none, and
                         policies wait for another process */
};

/* Open the state directory and the driver called `hypervisor` (NULL: the best
 * here), recover what killed verbs left, and see to it that a monitor runs if
 * there are domains. verb must outlive the host. */
int xk_host_open(struct xk_host *host, const char *hypervisor, const char *verb,
                 struct xk_deadline deadline, struct xk_error *err);
void xk_host_close(struct xk_host *host);

/* The same with a driver that is open already (on host->state, which the
 * caller opened), and no monitor. The host owns both from here on. */
int xk_host_adopt(struct xk_host *host, struct xk_hypervisor *hv,
                  const char *verb, struct xk_deadline deadline,
                  struct xk_error *err);

/* The domain that a person names by name, UUID or domid: XK_ERR_NOT_FOUND.
 * Free with xk_domain_close(). */
int xk_domain_find(struct xk_host *host, const char *what,
                   struct xk_domain *domain, struct xk_deadline deadline,
                   struct xk_error *err);
void xk_domain_close(struct xk_domain *domain);

/* All domains with their states; in the order they were made. */
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
