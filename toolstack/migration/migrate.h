/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain from one host to another: one operation for all hypervisors.
 *
 *   source                              target
 *   HELLO                          <->  HELLO
 *   DOMAIN    what is to come      ->
 *                                  <-   VERDICT   nothing, or every reason,
 *                                                 against it
 *   PREPARE                        ->             a record, "receive" begins
 *                                  <-   PREPARED
 *   (its disks go by a second connection, toolstack/migration/disk_channels.h)
 *   DATA ... DATA_END              ->             its memory and devices
 *                                  <-   RECEIVED  whole, paused
 *   (note "commit")
 *   COMMIT                         ->             notes that it tries; it runs
 *                                  <-   RUNNING  notes "owned"
 *   (ends its own)  CONFIRM        ->             "receive" ends
 *
 * Before the note "commit" any failure lets the domain go on at the source, and
 * the target, which never runs what it was not told to, removes its own, images
 * that were made for it as well; it says FAILED when that is done. After
 * it the source does nothing until it knows the target's decision
 * (toolstack/migration/handover.h), however often it must ask: the domain is
 * "in doubt" meanwhile. So it runs on one host at most, at any time.
 */
#ifndef XK_TOOLSTACK_MIGRATION_MIGRATE_H
#define XK_TOOLSTACK_MIGRATION_MIGRATE_H

#include "toolstack/host_drivers.h"
#include "toolstack/migration/compression.h"
#include "toolstack/migration/link.h"
#include "toolstack/migration/link_speed.h"
#include "toolstack/seam/transfer_ops.h"

enum xk_liveness {
    XK_LIVE_IF_POSSIBLE,
    XK_LIVE,
    XK_NOT_LIVE,
};

/* What a move would take, by what was measured. */
struct xk_migrate_plan {
    struct xk_forecast_input input;
    bool rate_is_known; /* at which its memory is changed */
    struct xk_forecast forecast;
};

struct xk_migrate_options {
    enum xk_liveness live;
    uint64_t bandwidth;       /* bytes per second, 0: no limit */
    unsigned max_downtime_ms; /* 0: the driver's choice */
    enum xk_compression compression;
    bool dry_run;                 /* up to the target's verdict */
    struct xk_migrate_plan *plan; /* may be NULL; else only that is made */
    bool copy_disks;              /* those that the guest can write go along */
    /* How long the other host may be silent; 0: 30 s. */
    int64_t silence_ms;
    const struct xk_send_watch *watch; /* may be NULL */
    /* Called at the begin of each phase, for progress; may be NULL. */
    void (*phase)(const char *phase, void *context);
    void *phase_context;
};

struct xk_migrate_result {
    bool live;
    uint64_t bytes;        /* of memory and devices */
    uint64_t wire_bytes;   /* that they took, with frames, compressed or not */
    uint64_t copied_bytes; /* of disks */
    unsigned rounds;
    int64_t total_ns;
    /* From when the guest stood still to the target's word that it runs; 0:
     * it was paused. */
    int64_t downtime_ns;
};

/* Move a domain through a link, which is opened here. On failure it goes on
 * here, unless *doubt: then it does nothing, here or there, until the target's
 * decision is known (xk_migrate_resolve()), which the monitor asks for. */
int xk_domain_migrate(struct xk_host *host, struct xk_domain *domain,
                      struct xk_link *link,
                      const struct xk_migrate_options *options,
                      struct xk_migrate_result *result, bool *doubt,
                      struct xk_deadline deadline, struct xk_error *err);

#endif
