/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What KVM makes of a configuration; in every build. */
#ifndef XK_TOOLSTACK_KVM_FACTS_H
#define XK_TOOLSTACK_KVM_FACTS_H

#include "toolstack/config/driver_facts.h"

extern const struct xk_driver_facts xk_kvm_facts;

#endif
