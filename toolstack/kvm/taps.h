/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TAPs of a domain's network cards (net-helpers/tap.h). */
#ifndef XK_TOOLSTACK_KVM_TAPS_H
#define XK_TOOLSTACK_KVM_TAPS_H

#include "base/deadline.h"
#include "base/error.h"
#include "base/process.h"
#include "toolstack/config/domain_config.h"

/* The name of a card's TAP where the configuration gives none, of at most 15
 * bytes. It follows from UUID and devid, so that every process that knows the
 * domain finds the TAP. The caller's. */
char *xk_kvm_tap_name(const struct xk_uuid *uuid, int devid);

/* Set the TAPs of these cards that the process has aside: off their bridge,
 * down, and under the names that go with the configuration's UUID, which is not
 * the UUID they were made for. The process keeps them. Succeeds where the
 * process is gone, and where all or a part was done before. */
int xk_kvm_tap_set_aside(const struct xk_process *process,
                         const struct xk_domain_config *config,
                         struct xk_deadline deadline, struct xk_error *err);

#endif
