/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The facts of a driver about configurations: the fate of each key, and of
 * values, disks and network cards that stand out. Every build has the facts of
 * every driver (toolstack/known_drivers.h), so that `xk check --on` and
 * xk.cfg(5) are the same on each host. Facts therefore include
 * toolstack/config and base only.
 */
#ifndef XK_TOOLSTACK_CONFIG_DRIVER_FACTS_H
#define XK_TOOLSTACK_CONFIG_DRIVER_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "toolstack/config/domain_config.h"
#include "toolstack/config/key.h"
#include "toolstack/config/problem.h"

/* What becomes of a key on a hypervisor. */
enum xk_fate {
    XK_FATE_SAME,        /* means what xl.cfg(5) says */
    XK_FATE_MAPPED,      /* done by other means; the text says which */
    XK_FATE_IGNORED,     /* has no effect here and none is missed; why */
    XK_FATE_UNSUPPORTED, /* refused: the domain would not be what was asked */
    XK_FATE_COUNT,
};

struct xk_key_fate {
    enum xk_fate fate;
    const char *why; /* "" if the fate is SAME */
};

/* A value that is not supported although its key is. */
struct xk_value_fate {
    enum xk_key key;
    const char *text; /* the value, or how an item of a list begins */
    const char *why;
};

/* A problem to report: "on NAME: TEXT". */
struct xk_remark {
    enum xk_severity severity;
    const char *text;
    /* Report the error as XK_ERR_UNSUPPORTED: the file is right, and another
     * hypervisor could do what it asks for. */
    bool unsupported;
};

struct xk_domain_fate {
    bool (*applies)(const struct xk_domain_config *config);
    enum xk_key key; /* the place of the problem in the file */
    struct xk_remark remark;
};

struct xk_disk_fate {
    bool (*applies)(const struct xk_disk *disk);
    struct xk_remark remark;
};

struct xk_vif_fate {
    bool (*applies)(const struct xk_vif *vif);
    struct xk_remark remark;
};

struct xk_driver_facts {
    const char *name;  /* of the driver's table (hypervisor.h) */
    const char *title; /* the name as prose writes it */
    /* Whether the driver is the best one on this host. NULL: on any host. */
    bool (*is_at_home)(void);
    const struct xk_key_fate *keys; /* by enum xk_key: fate_table.def */
    const struct xk_value_fate *values;
    size_t value_count;
    const struct xk_domain_fate *domains;
    size_t domain_count;
    const struct xk_disk_fate *disks;
    size_t disk_count;
    const struct xk_vif_fate *vifs;
    size_t vif_count;
    const struct xk_vif_fate *hvm_vifs; /* besides, in a domain of type hvm */
    size_t hvm_vif_count;
    /* Whether xk itself plugs the card in (net-helpers/plug.h). NULL: no. */
    bool (*plugs_in)(const struct xk_vif *vif);
};

/* Add to *problems what becomes of a configuration on the driver's hypervisor:
 * a note if a key is mapped, or ignored and not missed; a warning if it is
 * unsupported and the domain can do without it; an error if the domain would
 * not be what was asked for. The same for disks and network cards. */
void xk_config_check_on(const struct xk_domain_config *config,
                        const struct xk_driver_facts *driver,
                        struct xk_problems *problems);

/* The same for one network card, which is in the domain of that configuration
 * or is to be attached to it. */
void xk_vif_check_on(const struct xk_domain_config *config,
                     const struct xk_vif *vif,
                     const struct xk_driver_facts *driver,
                     struct xk_problems *problems);

#endif
