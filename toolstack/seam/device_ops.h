/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam: changes of a running domain, and its devices. A driver that cannot
 * even list disks and network cards has no such group.
 */
#ifndef XK_TOOLSTACK_SEAM_DEVICE_OPS_H
#define XK_TOOLSTACK_SEAM_DEVICE_OPS_H

#include "toolstack/hypervisor.h"

/* What of a running domain can be made to agree with its configuration. */
enum xk_sync {
    XK_SYNC_DISKS,
    XK_SYNC_CARDS,
    XK_SYNC_COUNT,
};

#define XK_EVERY_DEVICE UINT32_MAX

/* A change of a running domain. */
struct xk_change {
    enum xk_sync what;
    const struct xk_domain_config *config; /* what the domain is to have */
    unsigned number; /* of the device that changes; XK_EVERY_DEVICE: not
                        known */
    bool force;      /* take that device away, whatever the guest does */
    bool recovery;   /* the change was interrupted: it goes as far as it can */
};

typedef int xk_sync_call(struct xk_hypervisor *hv,
                         const struct xk_domain *domain,
                         const struct xk_change *change,
                         struct xk_deadline deadline, struct xk_error *err);

/* A disk of a domain as it is now. */
struct xk_disk_info {
    const char *vdev; /* "xvda" */
    unsigned number;  /* of the device, xen-vbd-interface(7) */
    const char *target, *format;
    const char *backend; /* "xk", "qdisk", "phy", "qemu" */
    const char *state;   /* "connected", ... */
    const char *reason;  /* why it was stopped, or NULL */
    bool read_only, cdrom;
    /* The rest is set if the backend reports it; then known is true. */
    bool known;
    uint64_t bytes; /* its size */
    unsigned queues;
    uint64_t read_requests, read_bytes, write_requests, write_bytes;
    uint64_t flush_requests, discard_requests, errors, inflight;
};

typedef void xk_disk_told(const struct xk_disk_info *info, void *context);

/* A network card of a domain as it is now. Texts that are not known are NULL,
 * numbers 0. */
struct xk_card_info {
    unsigned number;       /* its devid */
    const char *mac;       /* "00:16:3e:12:34:56" */
    const char *type;      /* "bridge", "user" */
    const char *bridge;    /* NULL: it is on none */
    const char *interface; /* its device on this host; NULL: it has none */
    const char *model;
    const char *backend; /* "xk", "linux", "qemu" */
    const char *state;   /* "connected", ... */
    const char *reason;  /* why it was stopped, or NULL */
    unsigned queues, mtu;
    uint64_t rate_bytes_per_s; /* 0: no limit, or not known */
    /* The rest is set if somebody counts; then known is true. It is as the
     * guest sees it: rx is what it receives. */
    bool known;
    uint64_t rx_bytes, rx_packets, rx_dropped;
    uint64_t tx_bytes, tx_packets, tx_dropped, errors;
};

struct xk_net_link; /* net-helpers/link.h */
/* Fill in what the host's end of the card counts, which is the other way
 * round. */
void xk_card_info_take_link(struct xk_card_info *info,
                            const struct xk_net_link *link);

typedef void xk_card_told(const struct xk_card_info *info, void *context);

struct xk_device_ops {
    /* Make a running or paused domain agree with the configuration, in what
     * the change names. Only while the record is locked. May be repeated. NULL:
     * that part cannot change while the domain exists.
     *
     * XK_SYNC_DISKS: attach missing disks, detach those that are not in the
     * configuration, change media. A detach asks the guest; if the guest goes
     * on using the disk, that is XK_ERR_IN_USE, and the disk goes as soon as
     * the guest releases it. Disks that are as they should be stay untouched,
     * and so do those that are about to go, unless the change is about them.
     * In a recovery a device that the change is not about is no reason to fail:
     * a warning tells of one that cannot be changed. If the number is not
     * known, that holds for every device that is about to go.
     *
     * XK_SYNC_CARDS: the same for network cards. Nothing of a card that is
     * there is changed. A card that the guest has ejected unasked stays ejected
     * unless the change is about it; a warning tells of it. */
    xk_sync_call *sync[XK_SYNC_COUNT];

    /* Fail, with XK_ERR_UNSUPPORTED, if the device that the change is about
     * cannot be detached while the domain exists. The record still has the
     * configuration before the change. NULL: every device can. */
    int (*check_detach)(struct xk_hypervisor *hv,
                        const struct xk_domain *domain,
                        const struct xk_change *change, struct xk_error *err);

    /* Tell the guest that the image of the disk has another size. bytes other
     * than 0: grow the image, which is not raw, to that size first; never
     * shrink it. Only while the record is locked. May be NULL. */
    int (*resize_disk)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                       const struct xk_disk *disk, uint64_t bytes,
                       struct xk_deadline deadline, struct xk_error *err);

    /* Call told() for each disk that the domain has now. */
    int (*disks)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 xk_disk_told *told, void *context, struct xk_deadline deadline,
                 struct xk_error *err);

    /* Call told() for each network card that the domain has now. */
    int (*cards)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 xk_card_told *told, void *context, struct xk_deadline deadline,
                 struct xk_error *err);

    /* Processes that serve the devices of a domain should live as long as the
     * domain. needs_repair(): whether one of them has died. repair(): start
     * them again so that the guest does not notice; only while the record is
     * locked. The monitor's watch() reports their deaths too. Both are NULL if
     * a domain is one process. */
    bool (*needs_repair)(struct xk_hypervisor *hv,
                         const struct xk_record *record);
    int (*repair)(struct xk_hypervisor *hv, const struct xk_record *record,
                  struct xk_deadline deadline, struct xk_error *err);
};

/* 0, or XK_ERR_UNSUPPORTED if the driver has no such call. For callers that
 * must know before they begin. */
int xk_hv_need_sync(const struct xk_hypervisor *hv, enum xk_sync what,
                    struct xk_error *err);
int xk_hv_need_disk_resize(const struct xk_hypervisor *hv,
                           struct xk_error *err);

/* xk_hv_X() calls the member X, whose contract it has; xk_hv_sync() calls the
 * member for what the change names. xk_hv_needs_repair() is false if the driver
 * has no such call, and is not traced. */
int xk_hv_sync(struct xk_hypervisor *hv, const struct xk_domain *domain,
               const struct xk_change *change, struct xk_deadline deadline,
               struct xk_error *err);
int xk_hv_check_detach(struct xk_hypervisor *hv, const struct xk_domain *domain,
                       const struct xk_change *change, struct xk_error *err);
int xk_hv_resize_disk(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      const struct xk_disk *disk, uint64_t bytes,
                      struct xk_deadline deadline, struct xk_error *err);
int xk_hv_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
                xk_disk_told *told, void *context, struct xk_deadline deadline,
                struct xk_error *err);
int xk_hv_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
                xk_card_told *told, void *context, struct xk_deadline deadline,
                struct xk_error *err);
bool xk_hv_needs_repair(struct xk_hypervisor *hv,
                        const struct xk_record *record);
int xk_hv_repair(struct xk_hypervisor *hv, const struct xk_record *record,
                 struct xk_deadline deadline, struct xk_error *err);

#endif
