/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The graphics card, VNC, and USB input. */
#include "toolstack/kvm/part.h"

int
xk_kvm_part_display(struct xk_kvm_plan *plan __attribute__((unused)),
                    const struct xk_domain_config *config
                    __attribute__((unused)),
                    struct xk_error *err __attribute__((unused)))
{
    return 0;
}
