/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE SEAM: what a hypervisor driver does. Every operation is written once,
 * against this table (toolstack/operation.h); drivers do not know the verbs.
 *
 * The calls stand in groups, each a struct in toolstack/seam/ with the
 * contracts of its calls. Code above the seam makes a call through its wrapper,
 * such as xk_hv_pause() for the member `pause`. The wrapper checks what the
 * contract demands of the caller, fails with XK_ERR_UNSUPPORTED if the driver
 * lacks the call, and writes a line of the debug log with the driver, the call,
 * the domain, the time and the error.
 *
 * A call returns only when its work is done, and ends by its deadline
 * (XK_ERR_TIMEOUT). A call that changes a domain is made with the domain's
 * record locked. A driver keeps all that it must know about a domain in the
 * record's directory, so that any later process can continue; teardown() works
 * from the record alone.
 */
#ifndef XK_TOOLSTACK_HYPERVISOR_H
#define XK_TOOLSTACK_HYPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/record.h"

enum xk_domain_state {
    XK_STATE_RUNNING,
    XK_STATE_PAUSED,   /* also: not started yet */
    XK_STATE_SHUTDOWN, /* stopped by itself; stop_reason says why */
    XK_STATE_CRASHED,  /* the same, with XK_STOP_CRASH */
    XK_STATE_DYING,    /* being torn down */
    XK_STATE_IN_DOUBT, /* handed to another host, which has not said that it
                          runs there; no driver reports this state */
    XK_STATE_COUNT,
};

/* One domain as seen now. Zeroed strings and numbers are "not known". */
struct xk_domain_info {
    struct xk_uuid uuid;
    char *name;
    int domid;              /* -1 if the hypervisor has none */
    const char *hypervisor; /* name of its driver; filled in above the seam */
    enum xk_domain_type type;
    enum xk_domain_state state;
    enum xk_stop_reason stop_reason; /* for SHUTDOWN and CRASHED */
    uint64_t memory_mib;
    uint64_t maxmem_mib;
    unsigned vcpus;
    uint64_t cpu_time_ns;
};

struct xk_domain_list {
    struct xk_domain_info *items; /* in the order xl would list them */
    size_t count;
};

void xk_domain_info_free(struct xk_domain_info *info);
void xk_domain_list_free(struct xk_domain_list *list);

const char *xk_domain_state_name(enum xk_domain_state state); /* "running" */

/* Facts about the host, in the order to print. Keys are those of `xl info` if
 * it has them: "nr_cpus", "total_memory", ... */
struct xk_facts {
    struct xk_fact {
        char *key;
        char *value; /* text, or the decimal digits of a number */
        bool number;
        char *reason; /* capabilities: why it is missing, or NULL */
    } * items;
    size_t count;
};

void xk_facts_add(struct xk_facts *facts, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void xk_facts_add_number(struct xk_facts *facts, const char *key,
                         int64_t number);
/* A capability: "yes", or "no" with the reason. */
void xk_facts_add_ability(struct xk_facts *facts, const char *key,
                          const char *reason_missing);
void xk_facts_free(struct xk_facts *facts);

struct xk_hypervisor;

/* A handle of a domain. record is NULL if another toolstack made the domain. */
struct xk_domain {
    struct xk_hypervisor *hv; /* its driver; never NULL above the seam */
    struct xk_uuid uuid;
    int domid; /* -1: none */
    char *name;
    struct xk_record *record;
    unsigned starts; /* how often its policy has started it again, as of the
                        last xk_domain_find() or xk_domain_signal() */
};

struct xk_hypervisor_ops;

/* Drivers put this first in their own struct. */
struct xk_hypervisor {
    const struct xk_hypervisor_ops *ops;
    const struct xk_state *state;
};

/* The table of a driver. The members that are not calls may be read anywhere;
 * the calls belong to the wrappers. */
struct xk_hypervisor_ops {
    const char *name; /* "xen", "kvm" */

    /* The driver may also have domains without a record, which other toolstacks
     * made. If it may not, list() is called only if there are records of this
     * driver. */
    bool has_strangers;

    /* Whether a record has files of this driver. Called for records of an
     * earlier version, which do not name their driver. May be NULL. */
    bool (*owns)(const struct xk_record *record);

    /* Whether this host can run the driver at all: 0, or -1 with XK_ERR_HOST
     * and what to do about it. Cheap, changes nothing. */
    int (*probe)(struct xk_error *err);

    /* state outlives the driver. */
    struct xk_hypervisor *(*open)(const struct xk_state *state,
                                  struct xk_error *err);
    void (*close)(struct xk_hypervisor *hv);

    int (*info)(struct xk_hypervisor *hv, struct xk_facts *facts,
                struct xk_error *err);
    int (*capabilities)(struct xk_hypervisor *hv, struct xk_facts *facts,
                        struct xk_error *err);

    /* Every driver has these two groups. */
    const struct xk_domain_ops *domain;   /* toolstack/seam/domain_ops.h */
    const struct xk_monitor_ops *monitor; /* toolstack/seam/monitor_ops.h */

    /* A driver that lacks one of these has NULL. */
    const struct xk_device_ops *devices;    /* toolstack/seam/device_ops.h */
    const struct xk_transfer_ops *transfer; /* toolstack/seam/transfer_ops.h */
    const struct xk_copy_ops *copies;       /* the same; needs transfer */
    const struct xk_store_view_ops *store; /* toolstack/seam/store_view_ops.h */
};

/* The driver of hv, and its name. */
const struct xk_hypervisor_ops *xk_hv_driver(const struct xk_hypervisor *hv);
const char *xk_hv_name(const struct xk_hypervisor *hv);

/* The wrappers of the calls above. xk_driver_owns() is false if the driver
 * cannot tell. */
bool xk_driver_owns(const struct xk_hypervisor_ops *driver,
                    const struct xk_record *record);
int xk_driver_probe(const struct xk_hypervisor_ops *driver,
                    struct xk_error *err);
struct xk_hypervisor *xk_driver_open(const struct xk_hypervisor_ops *driver,
                                     const struct xk_state *state,
                                     struct xk_error *err);
void xk_hv_close(struct xk_hypervisor *hv);
int xk_hv_info(struct xk_hypervisor *hv, struct xk_facts *facts,
               struct xk_error *err);
int xk_hv_capabilities(struct xk_hypervisor *hv, struct xk_facts *facts,
                       struct xk_error *err);

/* The drivers of this build, ended by NULL: toolstack/drivers.c. */
extern const struct xk_hypervisor_ops *const xk_drivers[];

/* The names of all drivers, in this build or not, ended by NULL; and the same
 * names as a choice on the command line. */
extern const char *const xk_driver_names[];
#define XK_DRIVER_WORDS "xen|kvm"

/* Whether it is one of xk_driver_names. */
bool xk_driver_is_known(const char *name);

/* The names as a message lists them: "xen" or "kvm", in quotes. The caller
 * frees it. */
char *xk_driver_choices(void);

/* The driver called `name`, or the best for this host if name is NULL: xen in a
 * Xen dom0, else kvm. XK_ERR_USAGE for an unknown name, XK_ERR_HOST if it
 * cannot run here. */
const struct xk_hypervisor_ops *xk_driver_find(const char *name,
                                               struct xk_error *err);

#endif
