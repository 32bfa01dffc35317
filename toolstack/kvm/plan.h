/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan: the command line of one QEMU, the descriptors it inherits and who it
 * runs as. Made from a configuration without side effects but opening files;
 * printed by a dry run, carried out by toolstack/kvm/launch.h.
 *
 * Devices and block nodes are JSON, so no value can become another option.
 * Files of the person are opened here and handed in: QEMU, under a uid of its
 * own, needs no right to them.
 */
#ifndef XK_TOOLSTACK_KVM_PLAN_H
#define XK_TOOLSTACK_KVM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "base/error.h"
#include "base/json.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/kvm/live_log.h"
#include "toolstack/record.h"

enum {
    XK_KVM_FIRST_FD = 10
}; /* the inherited ones count up from here */

/* Whether KVM is used: by what the host offers, or as a test wants. */
enum xk_kvm_accel {
    XK_KVM_ACCEL_BY_HOST,
    XK_KVM_ACCEL_KVM,
    XK_KVM_ACCEL_TCG,
};

struct xk_kvm_plan {
    char **argv; /* ended by NULL; argv[0] is the program's absolute path */
    size_t argc;
    struct xk_kvm_plan_fd {
        int fd;     /* here, owned by the plan, close-on-exec */
        char *what; /* "image /srv/a.img", for a dry run and for errors */
    } * fds;        /* fds[i] is XK_KVM_FIRST_FD + i in the child */
    size_t fd_count;
    struct xk_kvm_live
        logs[XK_KVM_LOG_COUNT]; /* of that QEMU; the launcher's */
    bool screen; /* VNC is on a socket in the record, given to it later */
    bool dry;    /* descriptors are not opened: fd is -1, nothing is touched */
    bool accelerated;    /* KVM; else TCG */
    char *no_kvm_reason; /* why not, where not accelerated */
    uid_t uid; /* who QEMU runs as; the caller itself where unprivileged */
    gid_t gid;
    gid_t kvm_group;  /* supplementary, (gid_t)-1: none */
    char **tap_names; /* network devices that exist while QEMU has them */
    size_t tap_count;

    /* What the caller may set between init and use. */
    bool probe; /* files are opened and looked at, but nothing is made: no
                   network device, no copy of a file */
    struct xk_problems *problems; /* where not NULL, what is wrong with a part
                                     of the configuration is added here, with
                                     its place, and planning goes on; warnings
                                     come here as well */
    int record_dir_fd; /* the record's directory, where the firmware keeps its
                          variables over reboots; -1 (the start): none, the
                          firmware forgets. Not owned */
    const struct xk_state *state; /* to name the domain that holds an image; may
                                     be NULL */
    const char *machine; /* a machine type with its version, as a domain that
                            comes from elsewhere has it; NULL: the newest */
    bool incoming; /* the state comes from elsewhere, where its images may be
                      open until then */
    const struct xk_json *copies; /* disks whose images come with the domain and
                                     may be missing yet; NULL: none */
    time_t now;                   /* for the guest's clock; the time of init */
    enum xk_kvm_accel accel;      /* the start: by what the host offers */

    struct xk_kvm_layout *layout; /* the planner's own notes */
};

/* Begin an empty plan. */
void xk_kvm_plan_init(struct xk_kvm_plan *plan, bool dry);
void xk_kvm_plan_free(struct xk_kvm_plan *plan);

/* Append arguments; the text is copied. */
void xk_kvm_plan_arg(struct xk_kvm_plan *plan, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Hand fd in, which the plan now owns (-1 in a dry plan); returns its number
 * in the child. */
int xk_kvm_plan_fd(struct xk_kvm_plan *plan, int fd, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The machine, CPU, memory, firmware, kernel, disks, network cards, display
 * and the rest that comes from the configuration: everything but QMP, the
 * event log and the serial console, which are the launcher's. uid and gid are
 * set by the caller before. Errors name the key, file or bridge. */
int xk_kvm_plan_domain(struct xk_kvm_plan *plan,
                       const struct xk_domain_config *config,
                       struct xk_error *err);

#endif
