/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of Xen's domains, and their names in xenstore. */
#ifndef XK_TOOLSTACK_XEN_DOMAINS_H
#define XK_TOOLSTACK_XEN_DOMAINS_H

#include "toolstack/hypervisor.h"
#include "toolstack/xen/hypercall.h"

enum {
    XK_XEN_NAME_MAX = 255
};

struct xk_xen;

/* A domain as Xen describes it. */
struct xk_xen_domain {
    unsigned domid;
    struct xk_uuid uuid;
    enum xk_domain_type type;
    enum xk_domain_state state;
    enum xk_stop_reason stop_reason;
    uint64_t memory_mib, maxmem_mib;
    unsigned vcpus;
    uint64_t cpu_time_ns;
};

struct xk_xen_domains {
    struct xk_xen_domain *items; /* by domid */
    size_t count;
};

void xk_xen_domains_free(struct xk_xen_domains *domains);
#define XK_CLEANUP_XEN_DOMAINS __attribute__((cleanup(xk_xen_domains_free)))

/* Fill *domain from Xen's description. */
void xk_xen_domain_take(const struct xen_domctl_getdomaininfo *info,
                        struct xk_xen_domain *domain);

/* List all domains that Xen has, including half-built and dying ones. */
int xk_xen_domains(struct xk_xen *xen, struct xk_xen_domains *domains,
                   struct xk_error *err);

/* Find the domain with that UUID; a living one takes precedence over a dying
 * one. XK_ERR_NOT_FOUND: there is neither. */
int xk_xen_find(struct xk_xen *xen, const struct xk_uuid *uuid,
                struct xk_xen_domain *domain, struct xk_error *err);

/* Returns one name per domain, NULL for a domain without a name. The caller
 * owns the array and the names. */
char **xk_xen_names(struct xk_xen *xen, const struct xk_xen_domains *domains,
                    struct xk_deadline deadline, struct xk_error *err);

/* Returns the domain's name in xenstore; the caller owns it. XK_ERR_NOT_FOUND:
 * it has none, as a domain that is half built or half destroyed may. */
char *xk_xen_name(struct xk_xen *xen, unsigned domid,
                  struct xk_deadline deadline, struct xk_error *err);

#endif
