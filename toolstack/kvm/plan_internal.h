/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a plan, one file each, and what they share. Only the planner's
 * files include this; others include toolstack/kvm/plan.h.
 *
 * A part that fails fills *err without a location. xk_kvm_part_failed() adds
 * the location, or puts the problem on the plan's list and lets planning go on.
 */
#ifndef XK_TOOLSTACK_KVM_PLAN_INTERNAL_H
#define XK_TOOLSTACK_KVM_PLAN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/kvm/plan.h"

/* PCI slots on the root bus. They are fixed, so that a device keeps its slot
 * whatever other devices the guest has. */
enum xk_kvm_slot {
    XK_KVM_SLOT_VGA = 0x01,
    XK_KVM_SLOT_BALLOON = 0x02,
    XK_KVM_SLOT_RNG = 0x03,
    XK_KVM_SLOT_WATCHDOG = 0x04,
    XK_KVM_SLOT_SCSI = 0x05,
    XK_KVM_SLOT_USB = 0x06,
    XK_KVM_SLOT_NIC = 0x07, /* conventional network cards, 0x07 to 0x0f */
    XK_KVM_SLOT_NIC_LAST = 0x0f,
    XK_KVM_SLOT_PORT = 0x10, /* PCI Express ports, eight per slot */
    XK_KVM_SLOT_PORT_LAST = 0x1e,
};

enum {
    XK_KVM_SATA_PORTS = 6,  /* of the ICH9 */
    XK_KVM_SPARE_PORTS = 4, /* for devices plugged in later; 0.4 ms each */
};

/* The letters of boot=. */
enum xk_kvm_boot_class {
    XK_KVM_BOOT_DISK,
    XK_KVM_BOOT_CDROM,
    XK_KVM_BOOT_NETWORK,
    XK_KVM_BOOT_COUNT,
};

/* A file that the plan already uses: two writers are refused. */
struct xk_kvm_image_use {
    unsigned long long device, inode; /* as in struct xk_image_layer */
    bool read_write;
    char *vdev;
};

struct xk_kvm_layout {
    struct xk_buf option; /* the JSON of the option being written */
    struct xk_json_writer *writer;
    unsigned ports;                   /* PCI Express ports so far */
    unsigned nics;                    /* conventional network cards so far */
    unsigned sata_taken;              /* bit i: SATA port i has a drive */
    bool scsi;                        /* the SCSI controller is there */
    int boot_next[XK_KVM_BOOT_COUNT]; /* next bootindex; 0: class is not booted
                                         from */
    struct xk_buf machine;            /* the value of -machine */
    struct xk_kvm_image_use *images;
    size_t image_count;
};

/* Begin an option "OPTION {...}". The caller adds members with the writer
 * returned, then closes the option. */
struct xk_json_writer *xk_kvm_option_open(struct xk_kvm_plan *plan,
                                          const char *option);
void xk_kvm_option_close(struct xk_kvm_plan *plan);

/* Begin a -device at a slot of the root bus; the caller adds more members. */
struct xk_json_writer *xk_kvm_device_open(struct xk_kvm_plan *plan,
                                          const char *driver, const char *id,
                                          unsigned slot);

/* Add a PCI Express port and write its name, "portN", to bus. */
#define XK_KVM_BUS_MAX 16
int xk_kvm_port_add(struct xk_kvm_plan *plan, char bus[XK_KVM_BUS_MAX],
                    struct xk_error *err);

/* Add the member "bootindex" if the class is booted from. */
void xk_kvm_put_boot_index(struct xk_kvm_plan *plan,
                           struct xk_json_writer *writer,
                           enum xk_kvm_boot_class class);
bool xk_kvm_boots_from(const struct xk_kvm_plan *plan,
                       enum xk_kvm_boot_class class);

/* Give fd to the plan as a descriptor set of its own. Returns the N of
 * "/dev/fdset/N". */
int xk_kvm_plan_fdset(struct xk_kvm_plan *plan, int fd, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Escape text for a comma-separated option: commas are doubled. The caller owns
 * the result. */
char *xk_kvm_escape(const char *text);

/* Handle a part that failed with *err because of the configuration at `where`
 * (may be NULL). 0: the problem is on the plan's list, go on; -1: stop, *err
 * now has the location. */
int xk_kvm_part_failed(struct xk_kvm_plan *plan,
                       const struct xk_location *where, struct xk_error *err);

/* Open a regular file for QEMU to read. XK_ERR_CONFIG on failure; `what`
 * ("kernel") is for the message. */
int xk_kvm_open_readable(const char *path, const char *what,
                         struct xk_error *err);

/* Open such a file and give it to the plan, so that the plan's uid can open
 * /proc/self/fd/N, where N is the result. A file that the uid may not read is
 * copied to memory. check may be NULL. */
int
xk_kvm_plan_file(struct xk_kvm_plan *plan, const char *path, const char *what,
                 int (*check)(int fd, const char *path, struct xk_error *err),
                 struct xk_error *err);

/* Return the location of a key's value. */
const struct xk_location *
xk_kvm_key_place(const struct xk_domain_config *config, enum xk_key key);

void xk_kvm_part_warn(struct xk_kvm_plan *plan, const struct xk_location *where,
                      const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Add the host's end of a network card, a -netdev named id: a user-mode network
 * (net_user.c) or a TAP that is plugged in (net_tap.c; virtio: vhost can serve
 * the card). */
int xk_kvm_user_network_add(struct xk_kvm_plan *plan, const struct xk_vif *vif,
                            const char *id, struct xk_error *err);
int xk_kvm_tap_network_add(struct xk_kvm_plan *plan,
                           const struct xk_domain_config *config,
                           const struct xk_vif *vif, bool virtio,
                           const char *id, struct xk_error *err);

/* The parts, in the order of the command line. The boot part writes -machine,
 * because firmware adds to it. The last part is what the user appends. */
int xk_kvm_part_machine(struct xk_kvm_plan *plan,
                        const struct xk_domain_config *config,
                        struct xk_error *err);
int xk_kvm_part_boot(struct xk_kvm_plan *plan,
                     const struct xk_domain_config *config,
                     struct xk_error *err);
int xk_kvm_part_disks(struct xk_kvm_plan *plan,
                      const struct xk_domain_config *config,
                      struct xk_error *err);
int xk_kvm_part_vifs(struct xk_kvm_plan *plan,
                     const struct xk_domain_config *config,
                     struct xk_error *err);
int xk_kvm_part_display(struct xk_kvm_plan *plan,
                        const struct xk_domain_config *config,
                        struct xk_error *err);
int xk_kvm_part_last(struct xk_kvm_plan *plan,
                     const struct xk_domain_config *config,
                     struct xk_error *err);

#endif
