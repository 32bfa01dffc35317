/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A real QEMU from a plan, not started (-S), with a monitor. */
#ifndef XK_TESTS_UNIT_TOOLSTACK_KVM_PLAN_QEMU_H
#define XK_TESTS_UNIT_TOOLSTACK_KVM_PLAN_QEMU_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"
#include "toolstack/kvm/plan.h"

struct plan_qemu {
    char *name; /* for messages */
    pid_t pid;
    int qmp;    /* our end of its monitor */
    FILE *said; /* its standard error */
};

/* Start QEMU; as root it becomes plan->uid. The plan's descriptors stay the
 * plan's. */
void plan_qemu_begin(struct plan_qemu *qemu, const char *name,
                     const struct xk_kvm_plan *plan);

/* Wait until QEMU greets and takes commands, which it does once all devices
 * exist. False if it does not. */
bool plan_qemu_answers(struct plan_qemu *qemu);

/* Send a QMP command; the reply goes to *reply. */
bool plan_qemu_ask(struct plan_qemu *qemu, const char *command,
                   struct xk_buf *reply);

/* End QEMU by SIGTERM. True if it exits cleanly and printed nothing on standard
 * error but VNC's address; else prints what it said. */
bool plan_qemu_end(struct plan_qemu *qemu, bool good);

#endif
