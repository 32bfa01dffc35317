/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Move a domain from one host to another. The protocol is the same for all
 * hypervisors.
 *
 *   source                              target
 *   HELLO                          <->  HELLO
 *   DOMAIN    the domain           ->
 *                                  <-   VERDICT   "ok", or every reason why
 *                                                 the target cannot take it
 *   PREPARE                        ->             creates a record; the
 *                                                 operation "receive" begins
 *                                  <-   PREPARED
 *   (disks use a second connection, toolstack/migration/disk_channels.h)
 *   DATA ... DATA_END              ->             memory and device state
 *                                  <-   RECEIVED  complete, paused
 *   (note "commit")
 *   COMMIT                         ->             notes "trying", resumes it
 *                                  <-   RUNNING   notes "owned"
 *   (destroys its own)  CONFIRM    ->             "receive" ends
 *
 * Before the note "commit", any failure resumes the domain at the source. The
 * target never runs a domain without COMMIT. It removes its copy, with the
 * images that it created for it, and sends FAILED once that is done. After the
 * note the source leaves its domain alone until it knows the target's decision
 * (toolstack/migration/handover.h), however often it has to ask; until then
 * the domain is "in doubt". So the guest never runs on two hosts.
 */
#ifndef XK_TOOLSTACK_MIGRATION_MIGRATE_H
#define XK_TOOLSTACK_MIGRATION_MIGRATE_H

#include "toolstack/host_drivers.h"
#include "toolstack/migration/compression.h"
#include "toolstack/migration/forecast.h"
#include "toolstack/migration/link.h"
#include "toolstack/seam/transfer_ops.h"

enum xk_liveness {
    XK_LIVE_IF_POSSIBLE,
    XK_LIVE,
    XK_NOT_LIVE,
};

/* The forecast of a move and the measurements that it is based on. */
struct xk_migrate_plan {
    struct xk_forecast_input input;
    bool rate_is_known; /* input.load.dirty_rate was measured */
    struct xk_forecast forecast;
};

struct xk_migrate_options {
    enum xk_liveness live;
    uint64_t bandwidth;       /* bytes per second, 0: no limit */
    unsigned max_downtime_ms; /* 0: the driver's choice */
    enum xk_compression compression;
    bool dry_run;                 /* stop after the target's verdict */
    struct xk_migrate_plan *plan; /* may be NULL; if set, only fill it */
    bool copy_disks;              /* the disks that the guest can write */
    /* How long the other host may send nothing; 0: 30 s. */
    int64_t silence_ms;
    const struct xk_send_watch *watch; /* may be NULL */
    /* Called at the start of each phase, for progress; may be NULL. */
    void (*phase)(const char *phase, void *context);
    void *phase_context;
};

struct xk_migrate_result {
    bool live;
    uint64_t bytes;        /* of memory and device state */
    uint64_t wire_bytes;   /* sent for them, compressed, with headers */
    uint64_t copied_bytes; /* of disks */
    unsigned rounds;
    int64_t total_ns;
    /* From the guest's stop at the source to RUNNING; 0: it was paused. */
    int64_t downtime_ns;
};

/* Move a domain over a link, which this function opens. On failure the domain
 * goes on here, unless *doubt: then leave it alone until the target's decision
 * is known (xk_migrate_resolve()). The monitor asks for it. */
int xk_domain_migrate(struct xk_host *host, struct xk_domain *domain,
                      struct xk_link *link,
                      const struct xk_migrate_options *options,
                      struct xk_migrate_result *result, bool *doubt,
                      struct xk_deadline deadline, struct xk_error *err);

#endif
