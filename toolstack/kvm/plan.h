/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan: the command line of one QEMU, the descriptors it inherits and the
 * user it runs as. It is made from a configuration, with no side effect but
 * opening files. A dry run prints it, and toolstack/kvm/launch.h carries it
 * out.
 *
 * Devices and block nodes are JSON, so no value can become another option.
 * Files of the user are opened here and handed in: QEMU runs under a uid of its
 * own and needs no access to them.
 */
#ifndef XK_TOOLSTACK_KVM_PLAN_H
#define XK_TOOLSTACK_KVM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/json.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/kvm/live_log.h"
#include "toolstack/record.h"

enum {
    XK_KVM_FIRST_FD = 10 /* inherited descriptors count up from here */
};

/* Whether KVM is used: as the host offers it, or as the caller wants. */
enum xk_kvm_accel {
    XK_KVM_ACCEL_BY_HOST,
    XK_KVM_ACCEL_KVM,
    XK_KVM_ACCEL_TCG,
};

struct xk_kvm_plan {
    char **argv; /* NULL-terminated; argv[0] is the program's absolute path */
    size_t argc;
    struct xk_kvm_plan_fd {
        int fd;     /* in this process, owned by the plan, close-on-exec */
        char *what; /* "image /srv/a.img", for a dry run and for errors */
    } * fds;        /* fds[i] is XK_KVM_FIRST_FD + i in the child */
    size_t fd_count;
    struct xk_kvm_live
        logs[XK_KVM_LOG_COUNT]; /* of that QEMU; made by the launcher */
    bool screen; /* VNC is on a socket in the record, which QEMU gets later */
    bool dry;    /* nothing is opened or touched: each fd is -1 */
    bool accelerated;    /* KVM; else TCG */
    char *no_kvm_reason; /* why not, if not accelerated */
    uid_t uid; /* the user QEMU runs as; the caller's own if unprivileged */
    gid_t gid;
    gid_t kvm_group;  /* supplementary, (gid_t)-1: none */
    char **tap_names; /* network devices that exist while QEMU has them */
    size_t tap_count;

    /* Set by the caller between init and use. */
    bool probe; /* files are opened and read, but nothing is created: neither a
                   network device nor a copy of a file */
    /* If not NULL, errors in parts of the configuration are added here with
     * their location, and planning goes on. Warnings are added too. */
    struct xk_problems *problems;
    int record_dir_fd; /* the record's directory, where the firmware keeps its
                          variables across reboots; -1 (initially): none, and
                          the variables are lost. Not owned */
    const struct xk_state *state; /* to name the domain that holds an image; may
                                     be NULL */
    const char *machine; /* versioned machine type of a domain that comes from
                            another host; NULL: the newest */
    bool incoming; /* the guest's state comes from another host, which may have
                      the images open until then */
    /* Disks that are copied with the domain, whose images may not exist yet;
     * NULL: none. */
    const struct xk_json *copies;
    /* The PCI Express ports of such a guest, and its cards on them: an array of
     * objects "devid", "port". 0, NULL: cards get the next ports. */
    unsigned port_count;
    const struct xk_json *card_ports;
    struct xk_deadline deadline; /* for what plugs a card in; initially never */
    bool live;  /* for a QEMU that runs: its devices are plugged by QMP */
    time_t now; /* for the guest's clock; initially the time of init */
    enum xk_kvm_accel accel; /* initially by what the host offers */

    struct xk_kvm_layout *layout; /* private to the planner */
};

/* Initialize an empty plan. */
void xk_kvm_plan_init(struct xk_kvm_plan *plan, bool dry);
void xk_kvm_plan_free(struct xk_kvm_plan *plan);

/* Append one argument; the text is copied. */
void xk_kvm_plan_arg(struct xk_kvm_plan *plan, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Give fd to the plan, which owns it from then on (-1 in a dry plan). Returns
 * its number in the child. */
int xk_kvm_plan_fd(struct xk_kvm_plan *plan, int fd, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Return QEMU's name of the card's model ("virtio-net-pci"); NULL: there is no
 * such model. */
const char *xk_kvm_card_model(const struct xk_vif *vif);

/* Return whether a card of that model can be plugged and unplugged while its
 * QEMU runs. */
bool xk_kvm_card_is_mobile(const struct xk_vif *vif);

/* Plan one network card for a QEMU that runs; plan->live is set. The plan's
 * arguments become "-netdev", its JSON, "-device", its JSON. The device is on
 * the bus of that name. XK_ERR_UNSUPPORTED if the model is not mobile. */
int xk_kvm_plan_card(struct xk_kvm_plan *plan,
                     const struct xk_domain_config *config,
                     const struct xk_vif *vif, const char *bus,
                     struct xk_error *err);

/* Write how options name the descriptor of that number: "10", or in a live
 * plan, "fd10", under which QEMU gets it by QMP. */
#define XK_KVM_FD_NAME_SIZE 16
void xk_kvm_plan_fd_name(const struct xk_kvm_plan *plan, int number,
                         char name[XK_KVM_FD_NAME_SIZE]);

/* Plan everything that follows from the configuration: machine, CPU, memory,
 * firmware, kernel, disks, network cards, display and the rest. The launcher
 * adds QMP, the event log and the serial console. The caller has set uid and
 * gid. Errors name the key, file or bridge. */
int xk_kvm_plan_domain(struct xk_kvm_plan *plan,
                       const struct xk_domain_config *config,
                       struct xk_error *err);

#endif
