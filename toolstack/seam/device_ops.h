/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam: devices of a domain that is there. A driver that cannot even list
 * them has no such group.
 */
#ifndef XK_TOOLSTACK_SEAM_DEVICE_OPS_H
#define XK_TOOLSTACK_SEAM_DEVICE_OPS_H

#include "toolstack/hypervisor.h"

#define XK_EVERY_DISK UINT32_MAX

/* The disks that a domain is to have from now on. */
struct xk_disk_change {
    const struct xk_domain_config *config;
    unsigned number; /* of the disk that changes; XK_EVERY_DISK: not known */
    bool force;      /* take that disk away, whatever the guest does */
};

/* A disk of a domain as it is now. */
struct xk_disk_info {
    const char *vdev; /* "xvda" */
    unsigned number;  /* of the device, xen-vbd-interface(7) */
    const char *target, *format;
    const char *backend; /* "xk", "qdisk", "phy", "qemu" */
    const char *state;   /* "connected", ... */
    const char *reason;  /* why it was stopped, or NULL */
    bool read_only, cdrom;
    /* The rest is set where the backend tells it, and known is true. */
    bool known;
    uint64_t bytes; /* its size */
    unsigned queues;
    uint64_t read_requests, read_bytes, write_requests, write_bytes;
    uint64_t flush_requests, discard_requests, errors, inflight;
};

typedef void xk_disk_told(const struct xk_disk_info *info, void *context);

struct xk_device_ops {
    /* Make the disks of a running or paused domain those of the configuration:
     * attach what is missing, detach what is not in it, change media. A detach
     * asks the guest; where the guest holds on to the disk that is
     * XK_ERR_IN_USE, and the disk goes as soon as the guest lets go. Disks that
     * are as they should be stay untouched, and so do those that are about to
     * go, unless the change is about them. Only while the record is locked.
     * NULL: disks are fixed while the domain is there. */
    int (*sync_disks)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      const struct xk_disk_change *change,
                      struct xk_deadline deadline, struct xk_error *err);

    /* Tell the guest that the image of the disk has another size now. bytes
     * other than 0: give the image, which is not raw, that size first; never
     * make it smaller. Only while the record is locked. May be NULL. */
    int (*resize_disk)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                       const struct xk_disk *disk, uint64_t bytes,
                       struct xk_deadline deadline, struct xk_error *err);

    /* Tell of each disk that the domain has now. */
    int (*disks)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 xk_disk_told *told, void *context, struct xk_deadline deadline,
                 struct xk_error *err);

    /* Processes that serve the devices of a domain should live as long as the
     * domain. needs_repair(): whether one of them has died. repair(): start
     * them again so that the guest does not notice; only while the record is
     * locked. The monitor's watch() tells of their deaths too. Both are NULL
     * where a domain is one process. */
    bool (*needs_repair)(struct xk_hypervisor *hv,
                         const struct xk_record *record);
    int (*repair)(struct xk_hypervisor *hv, const struct xk_record *record,
                  struct xk_deadline deadline, struct xk_error *err);
};

/* 0, or XK_ERR_UNSUPPORTED where the driver has no such call. For those who
 * must know before they begin. */
int xk_hv_need_disk_changes(const struct xk_hypervisor *hv,
                            struct xk_error *err);
int xk_hv_need_disk_resize(const struct xk_hypervisor *hv,
                           struct xk_error *err);

/* xk_hv_X() calls the member X, whose contract it has. xk_hv_needs_repair() is
 * false where the driver has no such call, and is not traced. */
int xk_hv_sync_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     const struct xk_disk_change *change,
                     struct xk_deadline deadline, struct xk_error *err);
int xk_hv_resize_disk(struct xk_hypervisor *hv, const struct xk_domain *domain,
                      const struct xk_disk *disk, uint64_t bytes,
                      struct xk_deadline deadline, struct xk_error *err);
int xk_hv_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
                xk_disk_told *told, void *context, struct xk_deadline deadline,
                struct xk_error *err);
bool xk_hv_needs_repair(struct xk_hypervisor *hv,
                        const struct xk_record *record);
int xk_hv_repair(struct xk_hypervisor *hv, const struct xk_record *record,
                 struct xk_deadline deadline, struct xk_error *err);

#endif
