/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam: a domain's state leaves one hypervisor and enters another, through
 * a file or to another host. A driver that cannot transfer domains lacks both
 * groups.
 *
 * The source calls put_needs() and send(); the target check_needs(), prepare(),
 * receive() and unpause_received().
 */
#ifndef XK_TOOLSTACK_SEAM_TRANSFER_OPS_H
#define XK_TOOLSTACK_SEAM_TRANSFER_OPS_H

#include "base/json.h"
#include "toolstack/hypervisor.h"

/* How the state of a domain is sent. */
struct xk_send_options {
    bool live;          /* the guest goes on while its memory is sent */
    uint64_t bandwidth; /* bytes per second; 0: as fast as it goes */
    /* How long the guest may be paused in the last round of a live transfer; 0:
     * the driver's choice. */
    unsigned max_downtime_ms;
    /* Disks that go along. For each disk that put_copies() counted, in that
     * order, a socket that leads to what reach_copies() gave on the other host.
     * The caller closes them. */
    const int *copy_fds;
    size_t copy_count; /* 0: no disk goes along */
};

struct xk_send_progress {
    uint64_t sent_bytes;      /* of memory, so far */
    uint64_t remaining_bytes; /* known now; a guest at work makes it more */
    uint64_t total_bytes;     /* of the guest's memory */
    uint64_t dirty_rate;      /* bytes per second; 0: not known */
    unsigned rounds;          /* over its memory, from 1 */
    bool copying;             /* disks go first; then memory */
    uint64_t copied_bytes;    /* of disks */
    uint64_t copy_bytes;      /* in all; a guest at work makes it more */
    bool stopped;             /* the guest is paused by now */
    int64_t stopped_at_ns;    /* CLOCK_MONOTONIC, where stopped */
};

/* Cost of migrating a domain in its present state. */
struct xk_load {
    uint64_t memory_bytes; /* that it has ever used, at most */
    uint64_t dirty_rate;   /* bytes per second that it changes */
};

/* The disks that go along. */
struct xk_copy_totals {
    size_t count;
    uint64_t bytes; /* that their images take here */
};

/* The driver calls go_on() several times a second while it sends or receives.
 * If it returns false, the call ends with XK_ERR_FAILED, "cancelled". */
struct xk_send_watch {
    bool (*go_on)(const struct xk_send_progress *progress, void *context);
    void *context;
};

struct xk_transfer_ops {
    /* Write what another host must have to take the domain as it is now
     * (machine type, processor, version), as members of the object that is open
     * in the writer. */
    int (*put_needs)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     struct xk_json_writer *writer, struct xk_deadline deadline,
                     struct xk_error *err);

    /* Check whether this host has what put_needs() wrote, besides what check()
     * checks: each reason against it is a problem. needs comes from a peer or a
     * file. live: the other host may have the disks open for writing until the
     * domain is unpaused here. */
    int (*check_needs)(struct xk_hypervisor *hv,
                       const struct xk_domain_config *config,
                       const struct xk_json *needs, bool live,
                       struct xk_problems *problems, struct xk_error *err);

    /* Measure for a second or so how fast a running or paused domain changes
     * its memory. NULL if the driver cannot measure it. */
    int (*measure)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_load *load, struct xk_deadline deadline,
                   struct xk_error *err);

    /* Whether the domain can be sent live: 0, or XK_ERR_UNSUPPORTED. NULL:
     * every domain can. */
    int (*can_send_live)(struct xk_hypervisor *hv,
                         const struct xk_domain *domain, struct xk_error *err);

    /* Write the state of a running or paused domain (not one that stopped by
     * itself) to fd, a pipe, which the call closes. At the end the domain is
     * paused, its I/O is complete, and all of its state is in the pipe;
     * teardown() or take_back() comes next. If the call fails, the domain is as
     * before, or take_back() makes it so. Only while the record is locked. */
    int (*send)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                const struct xk_send_options *options, int fd,
                const struct xk_send_watch *watch, struct xk_deadline deadline,
                struct xk_error *err);

    /* Resume a domain here that was sent, wholly or in part, by this process or
     * by one that was killed. It runs if `runs`, else it stays paused; the copy
     * that was sent must never run. Only while the record is locked. */
    int (*take_back)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     bool runs, struct xk_deadline deadline,
                     struct xk_error *err);

    /* The first half of build() for a domain that comes from send(): make all
     * that needs no state of the domain, or fail if that cannot be made. needs
     * is what put_needs() wrote. The record is locked. NULL: there is nothing
     * to prepare. */
    int (*prepare)(struct xk_hypervisor *hv, struct xk_record *record,
                   const struct xk_domain_config *config,
                   const struct xk_json *needs, struct xk_deadline deadline,
                   struct xk_error *err);

    /* The second half: read what send() wrote from fd, a pipe, which the call
     * closes. At the end the domain is paused, and nothing touches its disks
     * before unpause(). Another thread may run meanwhile. The record is
     * locked. */
    int (*receive)(struct xk_hypervisor *hv, struct xk_record *record,
                   const struct xk_domain_config *config, int fd,
                   const struct xk_send_watch *watch,
                   struct xk_deadline deadline, struct xk_error *err);

    /* The first unpause() of a domain that receive() or build() left. On
     * failure, *told is false only if the guest was not told to run, or the
     * hypervisor refused that, or the guest has ended without it: then it never
     * ran, and never will without another call. Only while the record is
     * locked. NULL: unpause() is called, and *told is true. */
    int (*unpause_received)(struct xk_hypervisor *hv,
                            const struct xk_domain *domain, bool *told,
                            struct xk_deadline deadline, struct xk_error *err);

    /* Check whether fd, a regular file, is one to which another toolstack of
     * this hypervisor saved a domain. 0: it is not; 1: it is, its form is
     * whole, and fd is at the position where receive() reads on. *needs is as
     * of put_needs(), *config is the one in the file; the caller frees both.
     * config NULL: the caller does not want it. Anybody may have written the
     * file. NULL if there is no other toolstack. */
    int (*read_foreign)(struct xk_hypervisor *hv, int fd, const char *what,
                        struct xk_domain_config **config,
                        struct xk_json **needs, struct xk_deadline deadline,
                        struct xk_error *err);
};

/* Disks that are migrated with their domain. Without this group send() gets
 * none. */
struct xk_copy_ops {
    /* Add to what put_needs() wrote which disks are to be copied. With that,
     * check_needs() reports what speaks against the images here, prepare()
     * makes the missing images (toolstack/created_file.h), and receive() gets
     * memory once every image equals its source. */
    int (*put_copies)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      const struct xk_domain_config *config,
                      struct xk_json_writer *writer,
                      struct xk_copy_totals *totals,
                      struct xk_deadline deadline, struct xk_error *err);

    /* Return a socket to this host's server of one disk; the caller closes it.
     * Any process may ask for it once prepare() has returned. The protocol is
     * private to the drivers of both hosts. */
    int (*reach_copies)(struct xk_hypervisor *hv,
                        const struct xk_record *record,
                        struct xk_deadline deadline, struct xk_error *err);
};

/* Whether the driver has measure(), and read_foreign(). */
bool xk_hv_can_measure(const struct xk_hypervisor *hv);
bool xk_driver_reads_foreign(const struct xk_hypervisor_ops *driver);

/* 0, or XK_ERR_UNSUPPORTED if disks cannot be migrated. For callers that must
 * know before they begin. */
int xk_hv_need_copies(const struct xk_hypervisor *hv, struct xk_error *err);

/* xk_hv_X() calls the member X, whose contract it has. */
int xk_hv_put_needs(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_json_writer *writer, struct xk_deadline deadline,
                    struct xk_error *err);
int xk_hv_check_needs(struct xk_hypervisor *hv,
                      const struct xk_domain_config *config,
                      const struct xk_json *needs, bool live,
                      struct xk_problems *problems, struct xk_error *err);
int xk_hv_measure(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  struct xk_load *load, struct xk_deadline deadline,
                  struct xk_error *err);
int xk_hv_can_send_live(struct xk_hypervisor *hv,
                        const struct xk_domain *domain, struct xk_error *err);
int xk_hv_send(struct xk_hypervisor *hv, const struct xk_domain *domain,
               const struct xk_send_options *options, int fd,
               const struct xk_send_watch *watch, struct xk_deadline deadline,
               struct xk_error *err);
int xk_hv_take_back(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    bool runs, struct xk_deadline deadline,
                    struct xk_error *err);
int xk_hv_prepare(struct xk_hypervisor *hv, struct xk_record *record,
                  const struct xk_domain_config *config,
                  const struct xk_json *needs, struct xk_deadline deadline,
                  struct xk_error *err);
int xk_hv_receive(struct xk_hypervisor *hv, struct xk_record *record,
                  const struct xk_domain_config *config, int fd,
                  const struct xk_send_watch *watch,
                  struct xk_deadline deadline, struct xk_error *err);
int xk_hv_unpause_received(struct xk_hypervisor *hv,
                           const struct xk_domain *domain, bool *told,
                           struct xk_deadline deadline, struct xk_error *err);
int xk_hv_read_foreign(struct xk_hypervisor *hv, int fd, const char *what,
                       struct xk_domain_config **config, struct xk_json **needs,
                       struct xk_deadline deadline, struct xk_error *err);
int xk_hv_put_copies(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     const struct xk_domain_config *config,
                     struct xk_json_writer *writer,
                     struct xk_copy_totals *totals, struct xk_deadline deadline,
                     struct xk_error *err);
int xk_hv_reach_copies(struct xk_hypervisor *hv, const struct xk_record *record,
                       struct xk_deadline deadline, struct xk_error *err);

#endif
