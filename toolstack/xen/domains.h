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

/* What a domain is in Xen. */
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

/* From Xen's own words (struct xen_domctl_getdomaininfo). */
void xk_xen_domain_take(const struct xen_domctl_getdomaininfo *info,
                        struct xk_xen_domain *domain);

/* All domains that Xen has, half-built and dying ones as well. */
int xk_xen_domains(struct xk_xen *xen, struct xk_xen_domains *domains,
                   struct xk_error *err);

/* The living one of that UUID, else a dying one: XK_ERR_NOT_FOUND. */
int xk_xen_find(struct xk_xen *xen, const struct xk_uuid *uuid,
                struct xk_xen_domain *domain, struct xk_error *err);

/* The names of all of them, as many texts, NULL for one without; the array and
 * the texts are the caller's. */
char **xk_xen_names(struct xk_xen *xen, const struct xk_xen_domains *domains,
                    struct xk_deadline deadline, struct xk_error *err);

/* The name in the store, the caller's: NULL where it has none, which a domain
 * that is half built, or half gone, may not have. */
char *xk_xen_name(struct xk_xen *xen, unsigned domid,
                  struct xk_deadline deadline, struct xk_error *err);

#endif
